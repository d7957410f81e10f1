/**
 * What a gateway does when far more is asked than it can bear: how much it still answers, how fast it refuses the rest, and whether anyone paid for nothing.
 *
 * The load generator is thin and has a processor of its own where there are two (`standAside`), as if it were another machine; what it takes in each of the two phases
 * stands in the report: where it shares the processors, a generator that is busier under overload than at the peak takes from the goodput, not the gateway.
 */
import { percentile } from "../lib/measure.mjs";
import { createBenchPayer } from "../lib/network.mjs";
import { cpuMsOf } from "../lib/processes.mjs";

/** Peak and overload in turns: what else happens on the machine changes from one minute to the next, and must not fall on one of them alone. */
const ROUNDS = 5;
const WARM_UP_MS = 15_000;
const PEAK_MS = 3_000;
const OVERLOAD_MS = 4_000;
const FACTOR = 5;
/** How often requests that are due are sent. */
const TICK_MS = 1;

export async function overload(local, question, { maxCalls }) {
	const payer = await createBenchPayer(local, question.body, { lanes: FACTOR * maxCalls, callsPerDeposit: 400n, account: 6 });
	const { attempt, chargedByGateway } = payer;
	// Opens every channel, which is no part of a call.
	await Promise.all(Array.from({ length: FACTOR * maxCalls }, () => untilPaid(attempt)));
	const gatewayPid = local.pid("gateway");
	// What has just been started is slower than what has run for a while, and would favour whichever phase comes later.
	await phase(gatewayPid, WARM_UP_MS, (found, end) => queue(payer, found, end, { clients: FACTOR * maxCalls, calls: maxCalls }));
	const before = await chargedByGateway();
	const peaks = [];
	const crowds = [];
	for (let round = 0; round < ROUNDS; round++) {
		const peak = await phase(gatewayPid, PEAK_MS, (found, end) => queue(payer, found, end, { clients: FACTOR * maxCalls, calls: maxCalls }));
		const load = { clients: FACTOR * maxCalls, perSecond: FACTOR * peak.goodput };
		peaks.push(peak);
		crowds.push(await phase(gatewayPid, OVERLOAD_MS, (found, end) => crowd(attempt, found, end, load)));
	}
	const peak = together(peaks);
	const strained = together(crowds);
	const charged = (await chargedByGateway()) - before;
	const answeredFor = peak.charged + strained.charged;
	const { refusals, answers } = strained;
	return {
		peak: peak.goodput,
		goodput: strained.goodput,
		offered: (answers.length + refusals.length) / ((ROUNDS * OVERLOAD_MS) / 1_000),
		refused: refusals.length,
		refusedWrongly: strained.wrong,
		refusalP50: percentile(sorted(refusals), 0.5) ?? 0,
		refusalP99: percentile(sorted(refusals), 0.99) ?? 0,
		answerP50: percentile(sorted(answers), 0.5),
		answerP99: percentile(sorted(answers), 0.99),
		generatorAtPeak: peak.generator,
		generator: strained.generator,
		/** Processor milliseconds of the gateway for a refusal, if an answer costs it what it cost at the peak. */
		refusalCpuMs: (strained.gatewayCpuMs - (peak.gatewayCpuMs / peak.answers.length) * answers.length) / Math.max(1, refusals.length),
		charged: charged.toString(),
		answeredFor: answeredFor.toString(),
		lost: (charged - answeredFor).toString(),
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

/** Runs `load` and gives what came of it, and the processors' time that it took: of the generator as a share of one processor. */
async function phase(gatewayPid, ms, load) {
	const found = { answers: [], refusals: [], wrong: 0, charged: 0n };
	const own = process.cpuUsage();
	const gateway = cpuMsOf(gatewayPid);
	const began = performance.now();
	await load(found, began + ms);
	const used = process.cpuUsage(own);
	return {
		...found,
		goodput: found.answers.length / (ms / 1_000),
		generator: (used.user + used.system) / 1_000 / (performance.now() - began),
		gatewayCpuMs: cpuMsOf(gatewayPid) - gateway,
	};
}

/** Phases of one kind as if they were one. */
function together(phases) {
	const mean = (pick) => phases.reduce((sum, each) => sum + pick(each), 0) / phases.length;
	return {
		answers: phases.flatMap(({ answers }) => answers),
		refusals: phases.flatMap(({ refusals }) => refusals),
		wrong: phases.reduce((sum, { wrong }) => sum + wrong, 0),
		charged: phases.reduce((sum, { charged }) => sum + charged, 0n),
		goodput: mean(({ goodput }) => goodput),
		generator: mean(({ generator }) => generator),
		gatewayCpuMs: phases.reduce((sum, { gatewayCpuMs }) => sum + gatewayCpuMs, 0),
	};
}

/**
 * The same clients as in the crowd, with as many calls at a time as the gateway takes, in turns: nothing is refused. Each channel costs the ledger something in every batch,
 * so a peak of few channels would be no measure for a crowd of many.
 */
async function queue({ attempt, prepare }, found, end, { clients, calls }) {
	const waiting = await Promise.all(Array.from({ length: clients }, prepare));
	const serve = async () => {
		while (performance.now() < end) {
			const held = await once(attempt, waiting.shift(), found, end);
			waiting.push(held ?? (await prepare()));
		}
	};
	await Promise.all(Array.from({ length: calls }, serve));
	for (const held of waiting) held.release();
}

/** Requests come when they come, `perSecond` of them, whatever became of the last; a refused one is sent again as it is. */
async function crowd(attempt, found, end, { clients, perSecond }) {
	const idle = Array.from({ length: clients }, () => ({ held: undefined }));
	const began = performance.now();
	const underWay = new Set();
	let sent = 0;
	for (let now = began; now < end; now = performance.now()) {
		for (const due = ((now - began) / 1_000) * perSecond; sent < due; sent++) {
			// All of them wait for an answer: what could not be sent is not offered, and the report says how much was.
			const free = idle.shift();
			if (free === undefined) continue;
			const asking = once(attempt, free.held, found, end).then((held) => {
				free.held = held;
				idle.push(free);
				underWay.delete(asking);
			});
			underWay.add(asking);
		}
		await new Promise((resolve) => setTimeout(resolve, TICK_MS));
	}
	await Promise.all(underWay);
	for (const { held } of idle) held?.release();
}

async function once(attempt, before, found, end) {
	const { status, ms, retryAfter, charged, held } = await attempt(before);
	found.charged += charged;
	if (status === 200) {
		if (performance.now() <= end) found.answers.push(ms);
		return held;
	}
	found.refusals.push(ms);
	if (status !== 429 || !(Number(retryAfter) >= 1)) found.wrong++;
	return held;
}

const sorted = (values) => [...values].sort((a, b) => a - b);
