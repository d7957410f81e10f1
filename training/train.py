"""Makes the models under models/ that come from scikit-learn's built-in data.

    python training/train.py            writes models/
    python training/train.py --check    trains again and compares with what is committed; exit 1 on a difference

The environment is pinned before numpy is imported: one thread and one kernel family, because the order of floating-point
additions inside a matrix product decides the last bits of the weights, and so the digest of the file.
"""

import argparse
import hashlib
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
if platform.machine() in ("x86_64", "AMD64"):
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    os.environ["NPY_DISABLE_CPU_FEATURES"] = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"

import digits  # noqa: E402  (the environment above must be set first)
import tumour  # noqa: E402

REPOSITORY = Path(__file__).resolve().parent.parent


def write_models(target: Path) -> None:
    """Trains all models and writes one folder for each below `target`."""
    for release in (*digits.releases(), *tumour.releases()):
        release.write(target / release.folder)
        print(f"  {release.name} {release.release}: {release.figures[0].sentence()}")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that this script makes below `folder`, by path relative to it. `training/chat` makes its own folder."""
    paths = sorted(path for path in folder.glob("*/**/*") if path.is_file() and path.relative_to(folder).parts[0] != "freehold-chat")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def check(committed: Path) -> int:
    """Trains into a temporary folder and names every file that differs, is missing or is extra."""
    with tempfile.TemporaryDirectory() as temporary:
        write_models(Path(temporary))
        made = digests(Path(temporary))
    kept = digests(committed)
    different = [path for path in sorted(made.keys() | kept.keys()) if made.get(path) != kept.get(path)]
    for path in different:
        print(f"  different: {path}\n    made      {made.get(path, 'nothing')}\n    committed {kept.get(path, 'nothing')}")
    print(f"{len(made) - len(different)} files equal, {len(different)} different" if different else f"all {len(made)} files equal")
    return 1 if different else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the models under models/ from scikit-learn's built-in data.")
    parser.add_argument("--check", action="store_true", help="train again and compare with the committed files")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "models", help="folder of the models (default: models/)")
    options = parser.parse_args()
    started = time.monotonic()
    if options.check:
        code = check(options.out)
    else:
        write_models(options.out)
        code = 0
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
