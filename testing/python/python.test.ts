/** The Python client on a real network: its own tests, types, and the agreement of two verifiers that share no line. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { verifyReceiptText } from "@freehold/proofs";
import { formatReceiptFile } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyText, testAccount } from "../journey/accounts.js";
import { type JourneyNetwork, repositoryModel, startJourney } from "../journey/network.js";

const run = promisify(execFile);
const client = fileURLToPath(new URL("../../clients/python", import.meta.url));
const has = (module: string): boolean => spawnSync("python3", ["-c", `import ${module}`], { timeout: 30_000 }).status === 0;
const hasPeers = has("requests, eth_account, onnx, pytest");
/** Development accounts that belong to people on this network. */
const PEOPLE = [4, 5];

describe.skipIf(!hasPeers)("the Python client [requests, eth-account, onnx, pytest]", () => {
	let network: JourneyNetwork;
	let receipts: string;
	let env: NodeJS.ProcessEnv;

	beforeAll(async () => {
		[network, receipts] = await Promise.all([startJourney(), mkdtemp(join(tmpdir(), "freehold-python-"))]);
		env = {
			...process.env,
			PYTHONPATH: client,
			PYTHONDONTWRITEBYTECODE: "1",
			FREEHOLD_NETWORK: network.network.gatewayUrl,
			FREEHOLD_TEST_KEYS: JSON.stringify(PEOPLE.map((index) => keyText(testAccount(index)).trim())),
			FREEHOLD_TEST_RECEIPTS: receipts,
		};
	});
	afterAll(async () => {
		await network?.stop();
		await rm(receipts, { recursive: true, force: true });
	});

	it("publishes, asks, pays, verifies and is paid", async () => {
		const { stdout } = await run("python3", ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], { cwd: client, env }).catch(
			(error: { stdout?: string }) => {
				throw new Error(error.stdout ?? String(error));
			},
		);
		expect(stdout).toMatch(/\d+ passed/);
		expect(stdout).not.toMatch(/failed|skipped/);
	}, 120_000);

	it("makes receipts that this repository's verifier calls genuine", async () => {
		const text = await readFile(join(receipts, "python.receipt.json"), "utf8");
		expect(verifyReceiptText(text, { checkpoint: network.network.checkpoint })).toMatchObject({ outcome: "meets", kinds: ["signed"] });
	});

	it("calls receipts genuine that the TypeScript client made, and forged when a byte differs", async () => {
		const { model, example } = await repositoryModel("base-digits");
		await network.person(2).publish({ name: "base/digits", model, price: { perCall: 10n ** 18n } });
		const { callId } = await network.person(3).infer("base/digits", { inputs: await example("seven") });
		const { file } = await network.person(3).receipts.wait(callId);
		const genuine = join(receipts, "typescript.receipt.json");
		const forged = join(receipts, "forged.receipt.json");
		const checkpoint = join(receipts, "checkpoint.json");
		await writeFile(genuine, formatReceiptFile(file));
		await writeFile(forged, formatReceiptFile({ ...file, receipt: { ...file.receipt, finishedAt: file.receipt.finishedAt + 1n } }));
		await writeFile(checkpoint, JSON.stringify(network.network));
		const program = "import sys, freehold; print(*(freehold.verify(path, sys.argv[1]).outcome for path in sys.argv[2:]))";
		const { stdout } = await run("python3", ["-c", program, checkpoint, genuine, forged], { env });
		expect(stdout.trim()).toBe("meets forged");
	});

	it.skipIf(!has("mypy"))(
		"has types that hold [mypy]",
		async () => {
			const { stdout } = await run("python3", ["-m", "mypy", "--cache-dir", join(receipts, "types")], { cwd: client, env });
			expect(stdout).toContain("no issues found");
		},
		120_000,
	);
});
