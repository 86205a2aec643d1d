"""The first screen: name, a living example, a place to drop files, and an example of each metal."""

from __future__ import annotations

import streamlit as st

from pages.parts.home.subject import FIRST_EXAMPLE, HomeSubject, open_on_predict
from pages.parts.shared import inputs
from pages.parts.shared.charts import show_figure
from pages.parts.shared.library import examples
from pages.parts.shared.page import look, plain
from pages.parts.shared.pictures import card_grid, picture
from pages.parts.shared.viewer3d import show_structure
from xanes_core.plots import EnergyAxis, prediction_curve, scene, spectrum_figure

HEIGHT_PX = 310
#: An example of each metal that shows what its spectra can tell.
PICTURED = (
    "titanium-tetrachloride",
    "vanadyl-bis-acac",
    "chromate",
    "permanganate",
    "ferrocene",
    "hexaamminecobalt-iii",
    "tetracyanonickelate-ii",
    "copper-porphine",
    "tetrathiolatozinc-ii",
)


def living_example(subject: HomeSubject) -> None:
    """Name, one sentence, and a structure that turns beside its spectrum."""
    st.markdown(
        "From the structure of a 3d metal complex to its X-ray absorption edge, with an honest "
        "error band, in a second."
    )
    left, right = st.columns([5, 7], gap="medium")
    with left:
        show_structure(
            scene(subject.atoms, subject.site), structure=f"home {subject.key}",
            height_px=HEIGHT_PX, key="home_view", spin=True,
        )  # fmt: skip
    with right:
        axis = EnergyAxis(subject.prediction.e0_ev)
        curve = prediction_curve(subject.prediction, f"Network, {subject.prediction.element}")
        figure = spectrum_figure([curve], axis, look=look(HEIGHT_PX))
        show_figure(figure, key="home_spectrum", without=["select2d"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(plain(subject.label), width="content")
        opened = st.button("Open on Predict", key="home_open", type="primary")
    if opened:
        if subject.is_own:
            st.switch_page("pages/predict.py")
        open_on_predict(FIRST_EXAMPLE)


def drop_zone() -> None:
    """Files dropped here are those of the sidebar on other pages; they open on Predict."""
    with st.container(border=True, key="home_drop", gap="xsmall"):
        came = inputs.drop_zone("Drop your structures here: xyz, CIF, POSCAR, mol, pdb and more")
    if came:
        st.switch_page("pages/predict.py")


def example_pictures() -> None:
    """An example of each metal, structure and spectrum in one small picture."""
    st.markdown("## Nine metals, one click away")
    with card_grid("home_examples", 150):
        for key in PICTURED:
            example = examples()[key]
            with st.container(border=True, gap="xxsmall"):
                picture(key, f"Structure and predicted spectrum of {example.title}")
                if st.button(
                    f"**{example.element}** {plain(example.title)}", key=f"start_{example.element}",
                    help=plain(example.note), width="stretch", type="tertiary",
                ):  # fmt: skip
                    open_on_predict(key)
