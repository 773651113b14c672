"""The front door of Layerscope: page setup and navigation. `streamlit run streamlit_app.py` opens it."""

import streamlit as st

from ui import engine

st.set_page_config(page_title="Layerscope", page_icon=":material/layers:", layout="wide")


def explore() -> None:
    """The page with the model, its layers and their pictures."""
    if engine.is_ready():
        from ui.explore import page

        page()
    else:
        engine.wait()


def plugins() -> None:
    """The page with what is installed."""
    if engine.is_ready():
        from ui.plugins import page

        page()
    else:
        engine.wait()


st.navigation(
    [
        st.Page(explore, title="Explore", icon=":material/layers:", default=True),
        st.Page(plugins, title="Plugins", icon=":material/extension:", url_path="plugins"),
    ],
    position="top",
).run()
