/** A confined engine beside the same engine in this process, and beside Python's onnxruntime where it is installed. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createEnginePool } from "@freehold/inference";
import { nativeOnnxEngine } from "@freehold/inference/native-engine";
import { perCall } from "../lib/measure.mjs";

export async function run({ root }) {
	const files = { id: "digits", format: "onnx", modelPath: join(root, "models/base-digits/model.onnx") };
	const { pixels } = JSON.parse(readFileSync(join(root, "models/plus-digits/examples/seven.json"), "utf8"));
	const inputs = { pixels: { dtype: "float32", shape: [1, 64], bytes: new Uint8Array(Float32Array.from(pixels.data ?? pixels.flat(3)).buffer) } };
	const pool = await createEnginePool({ fastProcesses: 1 });
	const engine = await nativeOnnxEngine({});
	try {
		const session = await engine.load(files);
		const inProcess = await perCall(() => session.run(inputs), { times: 500 });
		const confined = await perCall(() => pool.run(files, "fast", inputs), { times: 500 });
		const exact = await perCall(() => pool.run(files, "bit-exact", inputs), { times: 500 });
		await session.dispose();
		const python = pythonMs(files.modelPath);
		return [
			{
				name: "confined engine over the same in process",
				unit: "ms",
				value: confined.ms - inProcess.ms,
				target: 1,
				better: "lower",
				cpuMs: confined.cpuMs,
				rival: null,
			},
			{ name: "confined engine, one digit", unit: "ms", value: confined.ms, better: "lower", cpuMs: confined.cpuMs, rival: python },
			{ name: "bit-exact engine, one digit", unit: "ms", value: exact.ms, better: "lower", cpuMs: exact.cpuMs, rival: python },
		];
	} finally {
		await engine.dispose();
		await pool.close();
	}
}

function pythonMs(model) {
	const script = `
import sys, time, numpy, onnxruntime
options = onnxruntime.SessionOptions(); options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
feed = {"pixels": numpy.zeros((1, 64), numpy.float32)}
best = 1e9
for _ in range(6):
    start = time.perf_counter()
    for _ in range(500): session.run(None, feed)
    best = min(best, (time.perf_counter() - start) / 500)
print(onnxruntime.__version__, best * 1000)
`;
	try {
		const [version, ms] = execFileSync("python3", ["-c", script, model], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
			.trim()
			.split(" ");
		return { name: "Python onnxruntime in process", version, value: Number(ms) };
	} catch {
		return null;
	}
}
