"""What is installed, what is missing, and the command that installs it."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement

from annotation.human.studio.server import find_program
from pipeline.engine.errors import StickerworksError
from pipeline.engine.fonts import MISSING_FONT, chinese_font
from pipeline.engine.plugins import brought_by, load_plugin, plugin_names
from pipeline.filter.ocr.paddle import PaddleOptions, find_python
from schemas.labelling import LabelConfig
from stickerworks import plugins
from stickerworks.cli.display import tell, tell_json
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import EXIT_DONE, EXIT_FAILED
from stickerworks.plugins import KINDS

_MEMORY_GB, _DISK_GB = 4, 2
_EXTRAS = {
    "": "make setup",
    "baselines": "make setup (the papers' baselines need it)",
    "domain": "make setup (training the domain classifier needs it)",
    "embeddings": "make embeddings (filter.duplicates.embeddings needs it)",
    "formats": "make formats (MP4, WebM and TGS stickers need it)",
    "label": "make setup (human annotation needs it)",
    "ray": "make setup (engine.executor: ray needs it)",
}


@dataclass(frozen=True)
class Check:
    """One thing looked at: fine, or not, with what to do; only ``needed`` ones fail the doctor."""

    name: str
    fine: bool
    found: str
    remedy: str = ""
    needed: bool = True


def doctor_command(options: CommandOptions) -> int:
    """Print every check; 1 when something that is needed is missing."""
    checks = [*_packages(), *_plugins(), _label_studio(), _ocr_paddle(), _font(), _memory()]
    checks.append(_disk(options.workspace or Path()))
    if options.json:
        tell_json([asdict(check) for check in checks])
    for check in [] if options.json else checks:
        mark = "ok  " if check.fine else ("MISS" if check.needed else "note")
        tell(f"{mark} {check.name:<28} {check.found}")
        if not check.fine:
            tell(f"     {check.remedy}")
    return EXIT_FAILED if any(c.needed and not c.fine for c in checks) else EXIT_DONE


def _packages() -> list[Check]:
    checks = [Check("python", True, platform.python_version())]
    for line in distribution("stickerworks").requires or []:
        requirement = Requirement(line)
        extra = next((e for e in _EXTRAS if _asked(requirement, e)), None)
        if extra is not None:
            checks.append(_package(requirement, extra))
    return checks


def _asked(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _package(requirement: Requirement, extra: str) -> Check:
    remedy, needed = _EXTRAS[extra], not extra
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return Check(requirement.name, False, "not installed", remedy, needed)
    fine = requirement.specifier.contains(found, prereleases=True)
    return Check(requirement.name, fine, found, f"needs {requirement.specifier}: {remedy}", needed)


def _plugins() -> list[Check]:
    checks = []
    for group, kind in KINDS.items():
        for name in plugin_names(group):
            try:
                load_plugin(group, name, getattr(plugins, kind))
            except StickerworksError as error:
                checks.append(Check(f"{group}: {name}", False, error.message, error.remedy))
            else:
                checks.append(Check(f"{group}: {name}", True, brought_by(group, name)))
    return checks


def _label_studio() -> Check:
    try:
        program = find_program(LabelConfig())
    except StickerworksError as error:
        return Check("label-studio", False, error.message, error.remedy, needed=False)
    return Check("label-studio", True, str(program))


def _ocr_paddle() -> Check:
    try:
        python = find_python(PaddleOptions())
    except StickerworksError as error:
        return Check("paddleocr", False, error.message, error.remedy, needed=False)
    return Check("paddleocr", True, str(python))


def _font() -> Check:
    font = chinese_font()
    return Check("chinese font", font is not None, str(font), MISSING_FONT, needed=False)


def _memory() -> Check:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    found = f"{total:.0f} GiB, {os.cpu_count()} cores"
    return Check("memory", total >= _MEMORY_GB, found, f"{_MEMORY_GB} GiB are advised", False)


def _disk(folder: Path) -> Check:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    found = f"{free:.1f} GiB free"
    return Check("disk", free >= _DISK_GB, found, f"free some: {_DISK_GB} GiB are advised", False)
