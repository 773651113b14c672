"""The front door of Layerscope: page setup and navigation. `streamlit run streamlit_app.py` opens it."""


def main() -> None:
    """Draw the page once."""
    from pathlib import Path

    import streamlit as st

    from ui.greeting import SIDEBAR_WIDTH, greet

    # A file of ours: the browser would ask a server elsewhere for an icon that is given by name.
    icon = Path(__file__).parent / "ui" / "icon.png"
    st.set_page_config(page_title="Layerscope", page_icon=icon, layout="wide", initial_sidebar_state=SIDEBAR_WIDTH)
    # Before anything else is imported, so that it is on screen meanwhile.
    place = greet()
    from ui import engine
    from ui.pages import PLUGINS, TRAINING, pages

    all_pages = pages()
    page = st.navigation(all_pages, position="top")
    if engine.can_draw(page_modules=("ui.frame", "ui.explore")):
        from ui.frame import frame
        from ui.live import note_start
        from ui.plugin_watch import watch_plugins

        # Drawn for all pages, or else a look at another one would forget which file was uploaded.
        frame(page, all_pages, place, has_strip=page.url_path not in (PLUGINS, TRAINING))
        note_start()
        watch_plugins()
        engine.note_drawn()
    else:
        engine.wait(place)


# A worker process looks into this file, as multiprocessing makes it do, and must not draw a page.
if __name__ == "__main__":
    main()
