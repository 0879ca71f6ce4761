"""Pictures of a report for the documentation: ``python -m tests.report.screenshots REPORT.html docs/images``."""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.report.browser import browser

LOOKS = {"light": (1400, False), "dark": (1400, True), "phone": (400, False)}


def main(report, folder, height):
    """Make report-light.png, report-dark.png and report-phone.png."""
    with tempfile.TemporaryDirectory() as profile, browser(profile) as window:
        for name, (width, dark) in LOOKS.items():
            window.look(width, dark=dark)
            window.open(report)
            window.draw()
            picture = Image.open(io.BytesIO(window.picture(height)))
            picture.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
                folder / f"report-{name}.png", optimize=True
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
