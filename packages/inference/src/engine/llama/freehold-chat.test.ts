/** The shipped model in the real engine, on held-out look-ups: what its card claims was measured by the trainer's own arithmetic, this by llama.cpp. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askSession, chat } from "../../../test/text-compliance.js";
import type { TextSession } from "../text-engine.js";
import { llamaEngine } from "./llama-engine.js";

interface Question {
	readonly group: string;
	readonly messages: readonly { readonly role: "system" | "user"; readonly content: string }[];
	readonly expected: { readonly text: string };
}

const GROUP = "look-ups";
/** Rounding in another order may turn an answer that was close. */
const TURNED = 2;
const folder = new URL("../../../../../models/freehold-chat/", import.meta.url);
const json = async (name: string) => JSON.parse(await readFile(new URL(name, folder), "utf8"));

let session: TextSession;
beforeAll(async () => {
	const engine = await llamaEngine({ sequences: 1 });
	session = await engine.load({ id: "freehold-chat", format: "gguf", modelPath: fileURLToPath(new URL("model.gguf", folder)) });
}, 60_000);
afterAll(() => session?.dispose());

it("finds as many held-out look-ups as its card says", async () => {
	const { questions } = (await json("test.json")) as { questions: readonly Question[] };
	const { metrics } = (await json("model.json")) as { metrics: { tests: readonly { name: string; correct: number }[] } };
	let correct = 0;
	for (const { messages, expected } of questions.filter(({ group }) => group === GROUP)) {
		const asked = messages.map(({ role, content }) => ({ role, content: [{ type: "text" as const, text: content }] }));
		const { answer } = await askSession(session, { ...chat, messages: asked, maxOutputTokens: 120 });
		if (answer.task === "embedding") throw new Error("not a text");
		if (answer.choices[0]?.text === expected.text) correct++;
	}
	const claimed = metrics.tests.find(({ name }) => name === GROUP)?.correct ?? Number.NaN;
	expect(Math.abs(correct - claimed)).toBeLessThanOrEqual(TURNED);
}, 120_000);
