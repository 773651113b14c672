"""The front door of Layerscope: page setup and navigation. `streamlit run streamlit_app.py` opens it."""


def main() -> None:
    """Draw the page once."""
    from pathlib import Path

    import streamlit as st

    from ui import engine
    from ui.pages import pages

    # A file of ours: the browser would ask a server elsewhere for an icon that is given by name.
    st.set_page_config(page_title="Layerscope", page_icon=Path(__file__).parent / "ui" / "icon.png", layout="wide")
    page = st.navigation(pages(), position="top")
    if engine.is_ready(page_modules=("ui.explore",)):
        from ui.plugin_watch import watch_plugins
        from ui.sidebar import sidebar

        # Drawn for all pages, or else a look at another one would forget which file was uploaded.
        sidebar()
        page.run()
        watch_plugins()
    else:
        engine.wait()


# A worker process looks into this file, as multiprocessing makes it do, and must not draw a page.
if __name__ == "__main__":
    main()
