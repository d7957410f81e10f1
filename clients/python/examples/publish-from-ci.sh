#!/usr/bin/env bash
# Publishes a release from a pipeline (a GitHub Action or any other). Needs MODEL, NAME, RELEASE and PRICE, and the owner's key as the secret FREEHOLD_PRIVATE_KEY.
# Running it again after a failure is safe: what is uploaded stays, and a release that stands already is only confirmed.
set -euo pipefail
: "${MODEL:?path of an ONNX file}" "${NAME:?namespace/name}" "${RELEASE:?major.minor}" "${PRICE:?OPG for a call}" "${FREEHOLD_PRIVATE_KEY:?key of the owner}"
python3 - "$MODEL" "$NAME" "$RELEASE" "$PRICE" <<'PYTHON'
import json, os, sys
import freehold

model, name, release, price = sys.argv[1:]
published = freehold.publish(model, name, price, release=release)
print(json.dumps({"model": published.model, "release": published.release, "manifest": published.manifest}))
output = os.environ.get("GITHUB_OUTPUT")
if output:
    with open(output, "a", encoding="utf-8") as file:
        file.write(f"release={published.release}\n")
PYTHON
