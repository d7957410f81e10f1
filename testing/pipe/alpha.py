"""What the unchanged opengradient package does with a network: one step for each run, told by its first argument; the answer is JSON."""

import json
import sys

import opengradient as og
from opengradient.types import CandleOrder, CandleType, HistoricalInputQuery, SchedulerParams

step, rpc_url, key, *rest = sys.argv[1:]
alpha = og.Alpha(private_key=key, rpc_url=rpc_url)


def plain(output):
    return {name: value.tolist() for name, value in output.items()}


def infer(model, value):
    result = alpha.infer(model, og.InferenceMode.VANILLA, {"X": value})
    return {"transaction": result.transaction_hash, "output": plain(result.model_output)}


def outputs(result):
    return {
        "numbers": plain(result.numbers),
        "strings": plain(result.strings),
        "jsons": {name: value.tolist() for name, value in result.jsons.items()},
        "simulation": result.is_simulation_result,
    }


if step == "infer":
    try:
        refused = infer("base/nothing", [[1.0, 2.0]])
    except Exception as error:
        refused = str(error)
    answer = {"refused": refused, "numbers": infer("base/linear", [[1.0, 2.0]]), "strings": infer("base/echo", ["a", "b"]), "json": infer("base/echo", ['{"a":1}'])}
elif step == "deploy":
    query = HistoricalInputQuery(
        base="ETH", quote="USD", total_candles=3, candle_duration_in_mins=60, order=CandleOrder.ASCENDING, candle_types=[CandleType.OPEN, CandleType.CLOSE]
    )
    answer = {"address": alpha.new_workflow("base/linear", query, "X", SchedulerParams(frequency=60, duration_hours=1))}
elif step == "run":
    first = alpha.run_workflow(rest[0])
    alpha.run_workflow(rest[0])
    history = alpha.read_workflow_history(rest[0], 5)
    answer = {"run": outputs(first), "read": outputs(alpha.read_workflow_result(rest[0])), "history": len(history)}
else:
    sys.exit("unknown step")
print("ANSWER " + json.dumps(answer))
