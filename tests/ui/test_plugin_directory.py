import re

from streamlit.testing.v1 import AppTest


def test_what_is_listed_is_marked_where_it_is_installed():
    def part():
        from core.plugins.directory import parse_directory
        from core.workspace.results import PluginSummary
        from ui.plugin_directory import more_pictures

        entry = (
            '[[entry]]\npackage = "layerscope-{}"\ndescription = "What [it] shows."\ntitles = ["{}"]\nlicense = "MIT"\n'
            'url = "https://example.org/{}"\n'
        )
        names = ("failed", "fine", "new", "refused")
        status = {"failed": "failed", "fine": "ready", "refused": "not allowed"}
        found = [PluginSummary(n, "package", f"Layerscope_{n}", "1", "", s, ()) for n, s in status.items()]
        found.append(PluginSummary("new", "file", "layerscope-new", "", "new.py", "ready", ()))
        more_pictures(found, parse_directory("".join(entry.format(*[name] * 3) for name in names)))

    page = AppTest.from_function(part).run()
    titles = [each.value for each in page.markdown[1:]]

    assert [re.findall(r"badge\[(.*?)\]", title) for title in titles] == [
        ["installed, failed"],
        ["installed"],
        [],
        ["installed, not allowed here"],
    ]
    assert [each.value for each in page.code][2] == "pip install layerscope-new"
    assert r"\[it\]" in titles[0]


def test_where_none_is_listed_an_author_reads_how_to_be():
    def part():
        from ui.plugin_directory import more_pictures

        more_pictures((), ())

    page = AppTest.from_function(part).run()

    assert "No package is listed yet" in page.info[0].value
    assert "layerscope-plugin" in page.info[0].value
