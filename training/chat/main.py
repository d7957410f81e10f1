"""Makes models/freehold-chat.

python training/chat/main.py train RUN --steps N    trains in the folder RUN; the same command goes on where a killed one stopped
python training/chat/main.py grow RUN NEW           begins the run NEW with the weights of RUN in a wider network that looks further back; train it like the first
python training/chat/main.py export RUN             measures the run on the held-out questions and, if it passes, writes models/freehold-chat
python training/chat/main.py check                  measures the committed file again, and its template; exit 1 on a difference
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch  # noqa: E402  (the environment above must be set first: two threads on shared cores wait for each other)

import folder  # noqa: E402
from card import card  # noqa: E402
from conversation import prompt  # noqa: E402
from evaluate import Score, generate, right, scores  # noqa: E402
from examination import questions  # noqa: E402
from export import export, restore  # noqa: E402
from knowledge import ENTRIES  # noqa: E402
from network import Network, Shape  # noqa: E402
from template import differences  # noqa: E402
from tokenizer import CALL, Vocabulary  # noqa: E402
from train import Run  # noqa: E402

SEED = 20
MODEL = Path(__file__).resolve().parents[2] / "models" / "freehold-chat"


def measure(network: Network, vocabulary: Vocabulary) -> list[Score]:
    asked = questions()
    found = scores(asked, right(network, vocabulary, asked))
    for score in found:
        print(
            f"  {score.group:22} {score.correct:4} of {score.samples:3}  {folder.percent(score):>5}{'' if score.passed else f'  below {score.least:.0%}'}",
            flush=True,
        )
    return found


def answers(network: Network, vocabulary: Vocabulary) -> dict[str, dict]:
    """What the model says to each example, as `expected` in test.json."""
    said = {}
    for example in folder.examples():
        ids = generate(network, vocabulary, prompt(vocabulary, example.conversation, len(example.conversation.messages)))
        text = vocabulary.decode(ids).removesuffix("<|im_end|>")
        if ids[0] == CALL:
            parts = text.removeprefix("<tool_call>").removesuffix("</tool_call>").split("</tool_call><tool_call>")
            said[example.file] = {"calls": [json.loads(part) for part in parts]}
        else:
            said[example.file] = {"text": text}
    return said


def export_run(run: Run, target: Path) -> int:
    """Nothing in `target` changes unless every group with a least share reaches it."""
    run.average()
    draft = run.folder / "model.gguf"
    export(run.network, run.vocabulary, draft)
    network, vocabulary = restore(draft)
    found = measure(network, vocabulary)
    failed = [score for score in found if not score.passed]
    if failed:
        print(f"not exported: {', '.join(score.group for score in failed)} below the least share; train longer", file=sys.stderr)
        return 1
    history = folder.History(run.step, run.tokens, run.seconds)
    text = card(network, found, draft.stat().st_size, len(ENTRIES), history)
    folder.write(target, found, questions(), answers(network, vocabulary), text, network.shape.context, history)
    (target / "model.gguf").write_bytes(draft.read_bytes())
    return 0


def check(target: Path) -> int:
    network, vocabulary = restore(target / "model.gguf")
    kept = json.loads((target / "model.json").read_text(encoding="utf-8"))["metrics"]["tests"]
    found = [{"name": score.group, "correct": score.correct, "samples": score.samples} for score in measure(network, vocabulary)]
    different = [score for score, figure in zip(found, kept, strict=True) if any(figure[key] != score[key] for key in score)]
    for score in different:
        print(f"  different from model.json: {score}")
    written_otherwise = differences(vocabulary)
    if written_otherwise:
        print(f"  {written_otherwise} conversations are written otherwise by template.jinja")
    return 1 if different or written_otherwise else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Make models/freehold-chat.")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train, or go on with a run")
    train.add_argument("run", type=Path)
    train.add_argument("--steps", type=int, required=True, help="steps in all, those already done included")
    growing = commands.add_parser("grow", help="begin another run with this one's weights in a wider network")
    growing.add_argument("run", type=Path)
    growing.add_argument("new", type=Path)
    exporting = commands.add_parser("export", help="measure a run and write the model's folder")
    exporting.add_argument("run", type=Path)
    exporting.add_argument("--out", type=Path, default=MODEL)
    commands.add_parser("check", help="measure the committed file again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.command == "check":
        return check(MODEL)
    run = Run(options.run, Shape(), SEED)
    if options.command == "export":
        return export_run(run, options.out)
    if options.command == "grow":
        run.grow(options.new)
        return 0
    run.train(options.steps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
