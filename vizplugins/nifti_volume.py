"""Volumes as scanners keep them."""

import numpy as np

from vizplugins import FileSamples, InputReader, InputSpec, UploadedFile, hookimpl, volume_files


class NiftiVolume(InputReader):
    """A volume as a scanner keeps it, one sample; read by nibabel, where that is installed."""

    name, title, takes = "nifti-volume", "NIfTI volume", ".nii, .nii.gz"

    def match(self, file: UploadedFile, spec: InputSpec) -> bool:
        """Return whether the content begins like NIfTI, packed or not, and the input takes no text."""
        return spec.dtype != "string" and volume_files.holds_volume(file.data)

    def read(self, file: UploadedFile, spec: InputSpec) -> FileSamples:
        """Return the volume, brought to the size that the input has."""
        values, note = volume_files.read_volume(file.data, file.name, spec)
        return FileSamples(values[np.newaxis], notes=(note,))


@hookimpl
def input_readers() -> list[InputReader]:
    """Return the reader."""
    return [NiftiVolume()]
