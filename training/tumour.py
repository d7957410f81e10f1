"""clinic/tumour: benign or malignant from thirty measurements of cell nuclei."""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from release import Example, Release, TestSet, export, measure, run

HELD_OUT = 143
MALIGNANT, BENIGN = 0, 1

SOURCE = (
    "Breast Cancer Wisconsin (Diagnostic), W. Wolberg, O. Mangasarian, N. Street and W. Street, 1993, UCI Machine Learning Repository "
    "(doi:10.24432/C5DW2B); 569 samples, as scikit-learn ships them"
)


def releases() -> tuple[Release]:
    data = load_breast_cancer()
    features = [str(name) for name in data.feature_names]
    train, held, train_labels, held_labels = train_test_split(data.data, data.target, test_size=HELD_OUT, stratify=data.target, random_state=0)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000)).fit(train, train_labels)
    model = export(classifier, "clinic/tumour", "1.0", "features", len(features))

    figure = measure(model, "held-out samples", "models/clinic-tumour/test.json", held, held_labels)
    answered, probabilities = run(model, held)
    missed = int(((held_labels == MALIGNANT) & (answered == BENIGN)).sum())
    alarms = int(((held_labels == BENIGN) & (answered == MALIGNANT)).sum())
    malignant, benign = int((held_labels == MALIGNANT).sum()), int((held_labels == BENIGN).sum())
    sure = (answered == held_labels) & (probabilities.max(axis=1) >= 0.95)
    by_weight = np.argsort(-np.abs(classifier[-1].coef_[0]), kind="stable")[:5]

    def example(label: int, word: str) -> Example:
        row = held[np.flatnonzero((held_labels == label) & sure)[0]]
        return Example(f"{word}.json", f"A {word} sample", {"features": [row.tolist()]}, label)

    return (
        Release(
            name="clinic/tumour",
            release="1.0",
            title="Breast tumour, benign or malignant",
            summary="Tells benign from malignant breast tumours by thirty measurements of cell nuclei. For demonstration, not for diagnosis.",
            task="tabular-classification",
            tags=["tabular", "medicine", "classifier", "linear", "small"],
            price_opg="0.50",
            model=model,
            inputs=[
                {
                    "name": "features",
                    "dtype": "float32",
                    "shape": ["N", len(features)],
                    "about": "Thirty measurements of the cell nuclei in one fine-needle aspirate, in the order of `columns`.",
                    "columns": features,
                }
            ],
            outputs=[
                {"name": "label", "dtype": "int64", "shape": ["N"], "about": "0 malignant, 1 benign."},
                {"name": "probabilities", "dtype": "float32", "shape": ["N", 2], "about": "Probability of malignant, then of benign; a row sums to 1."},
            ],
            figures=[figure],
            test=TestSet(f"{HELD_OUT} held-out samples; label 0 malignant, 1 benign", SOURCE, "features", held.tolist(), held_labels.tolist()),
            examples=[example(MALIGNANT, "malignant"), example(BENIGN, "benign")],
            card=CARD.format(
                size=f"{len(model):,}",
                columns=", ".join(features),
                source=SOURCE,
                train=len(train),
                held=HELD_OUT,
                right=figure.correct,
                accuracy=figure.percent,
                interval=figure.interval,
                missed=missed,
                malignant=malignant,
                alarms=alarms,
                benign=benign,
                weighty=", ".join(features[i] for i in by_weight),
            ),
        ),
    )


CARD = """# clinic/tumour 1.0

Tells benign from malignant breast tumours by thirty measurements of cell nuclei. A logistic regression over standardised values (31 weights, {size} bytes of ONNX).
**It shows how a tabular model is owned and sold. It is not a medical device and must not guide a diagnosis.**

- **Input** `features`, float32 [N, 30], in this order: {columns}.
- **Outputs** `label`, int64 [N]: 0 malignant, 1 benign. `probabilities`, float32 [N, 2]: malignant, then benign.
- **Price** 0.50 OPG a call. **Licence** Apache-2.0.

## Data

{source}. Licence of the data: CC BY 4.0. {train} samples trained the model; the other {held}, drawn at random with both
classes in proportion, were kept out of training and of every choice, and are committed as `test.json`.

## Made by

`python training/train.py` (versions in `training/requirements.txt`): logistic regression with C = 0.3, chosen by ten-fold cross-validation on the training part.
The same command gives the same bytes; `--check` proves it.

## Measured

| measured on | right | accuracy | 95 % interval |
|---|---|---|---|
| {held} held-out samples | {right} of {held} | {accuracy} | {interval} |

Malignant called benign: {missed} of {malignant}. Benign called malignant: {alarms} of {benign}.
The five values with the greatest weight: {weighty}.

## Limits

- One hospital's patients of the early 1990s, measured with one program; the share of malignant samples (37 %) is that of the data, not of any population.
- A missed malignant tumour costs more than a false alarm; the threshold (one half) does not reflect that.
- A probability is the model's own opinion; it is not calibrated.

## Lineage

No parents.
"""
