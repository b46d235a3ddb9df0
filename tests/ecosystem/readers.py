# SPDX-License-Identifier: Apache-2.0
"""How each tool is asked for the pixels of a file: one function a tool, which imports it when it is called."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["READERS", "Reader", "installed_version"]

Reader: TypeAlias = Callable[[Path], NDArray[Any]]


def installed_version(tool: str) -> str | None:
    """Version of a tool; None where it is not installed."""
    distribution = DISTRIBUTIONS.get(tool, tool)
    if distribution.startswith("$"):
        command = shutil.which(distribution[1:])
        if command is None:
            return None
        said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
        return next(word for word in said.split() if word.strip("v")[:1].isdigit()).strip("v")
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def pydicom(path: Path) -> NDArray[Any]:
    found: NDArray[Any] = import_module("pydicom").dcmread(path).pixel_array
    return found


def highdicom(path: Path) -> NDArray[Any]:
    image = import_module("highdicom").imread(path)
    found: NDArray[Any] = image.get_frames(apply_real_world_transform=False, apply_modality_transform=False)
    return found


def pynetdicom(path: Path) -> NDArray[Any]:
    """Send the file over loopback, and read what arrives."""
    ae_module = import_module("pynetdicom")
    arrived: list[Any] = []

    def store(event: Any) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        arrived.append(dataset)
        return 0

    dataset = import_module("pydicom").dcmread(path)
    context = (dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    server, client = ae_module.AE(), ae_module.AE()
    server.add_supported_context(*context)
    client.add_requested_context(*context)
    listening = server.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(ae_module.evt.EVT_C_STORE, store)]
    )
    try:
        association = client.associate("127.0.0.1", listening.server_address[1])
        status = association.send_c_store(dataset)
        association.release()
    finally:
        listening.shutdown()
    if status.Status or arrived[0].PixelData != dataset.PixelData:
        raise OSError("what arrived is not what was sent")
    found: NDArray[Any] = arrived[0].pixel_array
    return found


def nibabel(path: Path) -> NDArray[Any]:
    return np.asarray(import_module("nibabel.nicom.dicomwrappers").wrapper_from_file(path).get_data())


def monai(path: Path) -> NDArray[Any]:
    reader = import_module("monai.data").PydicomReader()
    return np.asarray(reader.get_data(reader.read(str(path)))[0])


def monai_itk(path: Path) -> NDArray[Any]:
    reader = import_module("monai.data").ITKReader()
    return np.asarray(reader.get_data(reader.read(str(path)))[0])


def dicom2nifti(path: Path) -> NDArray[Any]:
    """Convert the file's folder."""
    with TemporaryDirectory() as folder:
        result = Path(folder) / "out.nii"
        import_module("dicom2nifti").dicom_series_to_nifti(str(path.parent), str(result))
        return _nifti(result)


def rt_utils(path: Path) -> NDArray[Any]:
    """Its loader of a series, which reads the pixels too."""
    series = import_module("rt_utils.image_helper").load_sorted_image_series(str(path.parent))
    return np.stack([one.pixel_array for one in series])


def simpleitk(path: Path) -> NDArray[Any]:
    sitk = import_module("SimpleITK")
    return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def itk(path: Path) -> NDArray[Any]:
    module = import_module("itk")
    return np.asarray(module.array_from_image(module.imread(str(path))))


def gdcm(path: Path) -> NDArray[Any]:
    module = import_module("gdcm")
    reader = module.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise OSError("Read() returns False")
    image = reader.GetImage()
    # Its Python binding takes the buffer for text.
    text = image.GetBuffer()
    if text is None:
        raise OSError("Read() returns True, GetBuffer() None")
    pixel = image.GetPixelFormat()
    nbits = int(np.prod(image.GetDimensions())) * pixel.GetSamplesPerPixel() * pixel.GetBitsAllocated()
    # Of 1-bit Frames that start inside a byte it says more than there is, and shows what lies behind in memory.
    return np.frombuffer(text.encode("utf-8", "surrogateescape"), np.uint8)[: -(-nbits // 8)]


def wsidicom(path: Path) -> NDArray[Any]:
    with import_module("wsidicom").WsiDicom.open(path) as slide:
        return np.asarray(slide.read_region((0, 0), 0, (slide.size.width, slide.size.height)))


def large_image(path: Path) -> NDArray[Any]:
    return np.asarray(import_module("large_image").open(str(path)).getRegion(format="numpy")[0])


def openslide(path: Path) -> NDArray[Any]:
    slide = import_module("openslide").OpenSlide(path)
    return np.asarray(slide.read_region((0, 0), 0, slide.dimensions))


def dcm2niix(path: Path) -> NDArray[Any]:
    with TemporaryDirectory() as folder:
        return _converted([_script("dcm2niix"), "-o", folder, str(path.parent)], Path(folder))


def dcmqi(path: Path) -> NDArray[Any]:
    command = [_script("segimage2itkimage"), "-t", "nii", "--inputDICOM", str(path)]
    with TemporaryDirectory() as folder:
        return _converted([*command, "--outputDirectory", folder], Path(folder))


def dcmtk(path: Path) -> NDArray[Any]:
    """Have dcmconv write the file natively, and read that."""
    with TemporaryDirectory() as folder:
        result = Path(folder) / "native.dcm"
        _run([shutil.which("dcmconv") or "dcmconv", "+te", str(path), str(result)])
        return pydicom(result)


def _script(name: str) -> str:
    """A command that was installed beside this interpreter, or anywhere."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise OSError((done.stderr or done.stdout).strip().splitlines()[0])


def _converted(command: list[str], folder: Path) -> NDArray[Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    results = sorted([*folder.glob("*.nii"), *folder.glob("*.nii.gz")])
    if not results:
        lines = (done.stderr + "\n" + done.stdout).splitlines()
        told = [line for line in lines if line.startswith(("E:", "ERROR", "Warning", "Error"))]
        raise OSError(told[0] if told else "nothing was written")
    return np.stack([_nifti(result) for result in results])


def _nifti(path: Path) -> NDArray[Any]:
    return np.asarray(import_module("nibabel").load(path).dataobj)


DISTRIBUTIONS = {
    "SimpleITK": "simpleitk",
    "GDCM": "python-gdcm",
    "MONAI, PydicomReader": "monai",
    "MONAI, ITKReader": "monai",
    "large_image": "large-image-source-dicom",
    "OpenSlide": "openslide-bin",
    "DCMTK, dcmconv": "$dcmconv",
    "rt-utils": "rt-utils",
}
"""What is installed, where it is called otherwise; a command after ``$``."""

READERS: dict[str, Reader] = {
    "pydicom": pydicom,
    "highdicom": highdicom,
    "pynetdicom": pynetdicom,
    "nibabel": nibabel,
    "MONAI, PydicomReader": monai,
    "dicom2nifti": dicom2nifti,
    "rt-utils": rt_utils,
    "wsidicom": wsidicom,
    "large_image": large_image,
    "OpenSlide": openslide,
    "SimpleITK": simpleitk,
    "itk": itk,
    "MONAI, ITKReader": monai_itk,
    "GDCM": gdcm,
    "dcm2niix": dcm2niix,
    "dcmqi": dcmqi,
    "DCMTK, dcmconv": dcmtk,
}
