/** What a gateway does when far more is asked than it can bear: how much it still answers, how fast it refuses the rest, and whether anyone paid for nothing. */
import { percentile } from "../lib/measure.mjs";
import { createBenchPayer } from "../lib/network.mjs";

const PEAK_MS = 15_000;
const OVERLOAD_MS = 20_000;
const FACTOR = 5;

export async function overload(local, question, { maxCalls }) {
	const { attempt, chargedByGateway } = await createBenchPayer(local, question.body, { lanes: FACTOR * maxCalls, callsPerDeposit: 400n, account: 6 });
	// Opens every channel, which is no part of a call.
	await Promise.all(Array.from({ length: FACTOR * maxCalls }, () => untilPaid(attempt)));
	const peak = await round(attempt, { clients: maxCalls, ms: PEAK_MS, pauseMs: () => 0 });
	// Each of five times as many clients comes back at once after an answer, and shortly after a refusal: impatient ones, who ignore retry-after.
	// A third of a call's time, so that what is offered exceeds five times the capacity also when refusals take their time.
	const pause = 1_000 / (peak.answers.length / (PEAK_MS / 1_000) / maxCalls) / 3;
	const before = await chargedByGateway();
	const strained = await round(attempt, { clients: FACTOR * maxCalls, ms: OVERLOAD_MS, pauseMs: () => pause });
	const charged = (await chargedByGateway()) - before;
	return {
		peak: peak.answers.length / (PEAK_MS / 1_000),
		goodput: strained.answers.length / (OVERLOAD_MS / 1_000),
		offered: (strained.answers.length + strained.refusals.length) / (OVERLOAD_MS / 1_000),
		refused: strained.refusals.length,
		refusedWrongly: strained.wrong,
		refusalP50: percentile(sorted(strained.refusals), 0.5) ?? 0,
		refusalP99: percentile(sorted(strained.refusals), 0.99) ?? 0,
		answerP50: percentile(sorted(strained.answers), 0.5),
		answerP99: percentile(sorted(strained.answers), 0.99),
		charged: charged.toString(),
		answeredFor: strained.charged.toString(),
		lost: (charged - strained.charged).toString(),
	};
}

async function untilPaid(attempt) {
	for (let held; ; ) {
		const tried = await attempt(held);
		if (tried.status === 200) return;
		held = tried.held;
		await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 200));
	}
}

async function round(attempt, { clients, ms, pauseMs }) {
	const found = { answers: [], refusals: [], wrong: 0, charged: 0n };
	const end = performance.now() + ms;
	await Promise.all(
		Array.from({ length: clients }, async () => {
			let held;
			while (performance.now() < end) {
				const tried = await attempt(held);
				const { status, ms: took, retryAfter, charged } = tried;
				held = tried.held;
				found.charged += charged;
				if (status === 200) {
					if (performance.now() <= end) found.answers.push(took);
					continue;
				}
				found.refusals.push(took);
				if (status !== 429 || !(Number(retryAfter) >= 1)) found.wrong++;
				await new Promise((resolve) => setTimeout(resolve, pauseMs()));
			}
			held?.release();
		}),
	);
	return found;
}

const sorted = (values) => [...values].sort((a, b) => a - b);
