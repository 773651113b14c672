import gzip
import sys

import nibabel
import numpy as np
import pytest
from scipy.ndimage import zoom

from core.errors import InputRejected
from core.inputs.files import UploadedFile, read_files
from core.inputs.spec import InputSpec
from core.plugins.registry import Registry
from vizplugins import nifti_volume

SCAN = InputSpec("scan", (6, 8, 10, 1), "float32")
VALUES = np.random.default_rng(0).normal(size=(6, 8, 10)).astype(np.float32)


def nifti(values, packed=False):
    data = nibabel.Nifti1Image(values, np.eye(4)).to_bytes()
    return gzip.compress(data) if packed else data


def samples_of(data, spec=SCAN, name="scan.nii.gz"):
    registry = Registry(discover=False)
    assert registry.register(nifti_volume)
    return read_files({"scan": [UploadedFile(name, data)]}, [spec], readers=registry.readers)


def rejected(data, spec=SCAN):
    with pytest.raises(InputRejected) as caught:
        samples_of(data, spec)
    assert caught.value.remedy
    return f"{caught.value.message} {caught.value.remedy}"


@pytest.mark.parametrize("packed", [False, True])
def test_the_numbers_are_those_of_the_file(packed):
    samples = samples_of(nifti(VALUES, packed))

    np.testing.assert_array_equal(samples.arrays["scan"], VALUES[np.newaxis, ..., np.newaxis])
    assert not samples.notes


def test_another_size_is_brought_to_that_of_the_input():
    large = zoom(VALUES, 2, order=1)
    samples = samples_of(nifti(large))

    np.testing.assert_allclose(samples.arrays["scan"][0, ..., 0], zoom(large, 0.5, order=1), atol=1e-5)
    assert samples.notes["scan"] == ("brought to this size from 12×16×20",)


def test_scaled_integers_are_in_the_unit_of_the_file():
    image = nibabel.Nifti1Image((VALUES * 100).astype(np.int16), np.eye(4))
    image.header.set_slope_inter(0.01, 1)
    samples = samples_of(image.to_bytes())

    np.testing.assert_allclose(samples.arrays["scan"][0, ..., 0], VALUES + 1, atol=0.011)


def test_numbers_that_the_type_of_the_input_does_not_hold_are_refused():
    tomography = np.full((6, 8, 10), -1000, np.int16)

    assert "holds -1000.0, the input 'scan' takes uint8: 0 to 255" in rejected(
        nifti(tomography), InputSpec("scan", (6, 8, 10, 1), "uint8")
    )
    assert "takes float16" in rejected(nifti(VALUES * 1e6), InputSpec("scan", (6, 8, 10, 1), "float16"))
    assert "holds nan" in rejected(nifti(VALUES * np.nan), InputSpec("scan", (6, 8, 10, 1), "int16"))
    samples = samples_of(nifti(tomography), InputSpec("scan", (6, 8, 10, 1), "int16"))
    assert samples.arrays["scan"].dtype == np.int16
    np.testing.assert_array_equal(samples.arrays["scan"][0, ..., 0], tomography)
    assert not samples.notes


def test_an_input_of_whole_numbers_is_given_the_nearest():
    samples = samples_of(nifti(VALUES * 30), InputSpec("scan", (6, 8, 10, 1), "int8"))

    np.testing.assert_array_equal(samples.arrays["scan"][0, ..., 0], np.rint(VALUES * 30))
    assert samples.notes["scan"] == ("rounded to whole numbers",)


def test_without_nibabel_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel", None)

    assert "nibabel, which reads those, is not installed" in (told := rejected(nifti(VALUES)))
    assert "pip install nibabel" in told


def test_what_does_not_fit_or_is_damaged():
    assert "expects" in rejected(nifti(np.zeros((4, 4, 4, 3), np.float32)))
    assert "expects" in rejected(nifti(VALUES), InputSpec("scan", (5,), "float32"))
    assert "is cut off" in rejected(nifti(VALUES)[:1_000])
    assert "is cut off" in rejected(nifti(VALUES, packed=True)[:-200])
    assert "compressed with gzip" in rejected(gzip.compress(b"no volume"))


def test_a_header_that_claims_gigabytes():
    data = bytearray(nifti(VALUES))
    data[40:48] = np.array([3, 30_000, 30_000, 30_000], "<i2").tobytes()

    assert "needs more than 1 GB of memory" in rejected(bytes(data))


def test_gigabytes_in_a_packed_file(monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "1MB")
    bomb = gzip.compress(nifti(VALUES)[:352] + bytes(20_000_000))

    assert len(bomb) < 30_000
    assert "needs more than 1 MB of memory" in rejected(bomb)
