"""Command line of the generator: ``python -m sample_dicom --help``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from pydicom.dataset import Dataset

from sample_dicom.catalogue import STUDIES, write_study
from sample_dicom.encode import SYNTAXES, write
from sample_dicom.makers import ct_chest, enhanced_ct, many, measuring

OUT = click.argument("out", type=click.Path(path_type=Path))
_MATRIX = click.IntRange(16, 4096)


@click.group()
def main() -> None:
    """Make synthetic DICOM studies: the committed set again, or larger ones for benchmarks."""


@main.command("set")
@OUT
@click.option("--only", multiple=True, type=click.Choice(sorted(STUDIES)), help="Only these studies.")
def make_set(out: Path, only: tuple[str, ...]) -> None:
    """Make the committed set again in the folder OUT, bit for bit."""
    for name in only or tuple(STUDIES):
        count = sum(1 for _ in write_study(name, out))
        click.echo(f"{name}: {count} files")


@main.command("ct-chest")
@OUT
@click.option("--slices", default=500, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--size", default=512, show_default=True, type=_MATRIX, help="Rows and columns.")
@click.option("--transfer-syntax", default="explicit", show_default=True, type=click.Choice(sorted(SYNTAXES)))
def make_ct_chest(out: Path, slices: int, size: int, transfer_syntax: str) -> None:
    """Make a CT of the chest with any number of slices over 288 mm, one file per slice in OUT."""
    made = ct_chest.datasets(ct_chest.Size(slices, size), SYNTAXES[transfer_syntax])
    _write_all(made, out, slices)


@main.command("measuring")
@OUT
def make_measuring(out: Path) -> None:
    """Make the measuring phantoms, a radiograph and an ultrasound image with a rod and a disc of known size, in OUT."""
    _write_all(measuring.datasets(), out, 2)


@main.command("many")
@OUT
@click.option("--studies", default=1000, show_default=True, type=click.IntRange(1, 10_000_000))
@click.option("--images", default=1, show_default=True, type=click.IntRange(1, 10_000), help="Images per study.")
def make_many(out: Path, studies: int, images: int) -> None:
    """Make many small studies with varied Vietnamese names, modalities and dates in OUT."""
    _write_all(many.datasets(studies, images), out, studies * images)


@main.command("multiframe")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--megabytes", default=500, show_default=True, type=click.IntRange(1, 4294), help="Of pixel data.")
@click.option("--size", default=512, show_default=True, type=_MATRIX, help="Rows and columns.")
def make_multiframe(out: Path, megabytes: int, size: int) -> None:
    """Make one large Enhanced CT object, the file OUT, with bounded memory."""
    try:
        path = enhanced_ct.write_large(out, megabytes, size)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--megabytes") from error
    click.echo(f"{path}: {path.stat().st_size} bytes")


def _write_all(datasets: Iterable[Dataset], out: Path, total: int) -> None:
    """Write in folders of a thousand files, with a progress bar."""
    with click.progressbar(datasets, length=total, label=str(out)) as bar:
        for index, ds in enumerate(bar):
            write(ds, out / f"{index // 1000:04d}" / f"{index % 1000:04d}.dcm")
