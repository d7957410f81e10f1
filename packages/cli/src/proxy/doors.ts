/** The proxy's doors: what a program asks in its client's own wire is asked in the exact form, paid by voucher, and ended only after the receipt stood up. */
import { type AnswerEnd, type Asked, type Dialect, receiptComment } from "@freehold/dialects";
import { FreeholdError, formatOpg, type Hex, type Route } from "@freehold/protocol";
import type { CheckedText, Freehold, TextEvent } from "@freehold/sdk";
import { type BodySink, errorResponse, type HttpRequest, type HttpResponse, jsonResponse, type RouteBinding } from "@freehold/service";
import type { NoteCall } from "../client/call-log.js";
import type { LaneTurns } from "../client/lane-turns.js";
import type { KnownLicences } from "../client/licence-folder.js";
import type { Purse } from "./purse.js";

const NOBODY: Hex = `0x${"00".repeat(20)}`;

export interface DoorModules {
	readonly freehold: Freehold;
	readonly turns: LaneTurns;
	readonly purse: Purse;
	readonly licences: KnownLicences;
	readonly note: NoteCall;
	/** What programs on this machine must know to spend. */
	readonly token: string;
	readonly seed: () => number;
	readonly now: () => number;
	readonly deadlineMs: number;
}

export function proxyDoor(route: Route, dialect: Dialect, modules: DoorModules): RouteBinding {
	return {
		route,
		deadlineMs: modules.deadlineMs,
		refuse: (error) => ({
			...jsonResponse(dialect.refusal(error), error.entry.status),
			headers: { ...errorResponse(error).headers, "x-should-retry": String(error.entry.retryable) },
		}),
		handler: async (request) => {
			checkToken(request, modules.token);
			const asked = dialect.read(await request.json(), { seed: modules.seed });
			const end = await modules.turns.take();
			let streaming = false;
			try {
				if (!asked.stream) return await whole(asked, request, modules);
				streaming = true;
				return await streamed(asked, request, modules, end);
			} catch (error) {
				streaming = false;
				throw error;
			} finally {
				if (!streaming) end();
			}
		},
	};
}

/** Clients of Anthropic say `x-api-key`, all others `authorization: Bearer`. A web page cannot know the token, so it cannot spend. */
export function checkToken({ headers }: HttpRequest, token: string): void {
	const given = headers.authorization?.replace(/^bearer /i, "").trim() ?? headers["x-api-key"];
	if (given !== token) throw new FreeholdError("key.unknown");
}

async function whole({ model, request, writer }: Asked, { signal }: HttpRequest, { freehold, purse, licences, note, now }: DoorModules): Promise<HttpResponse> {
	const checked = await licences.with(model, (licence) => freehold.text.ask(model, request, { licence, signal, maxCharge: purse.left }), signal);
	purse.spend(checked.charge);
	await note(model, checked.callId, checked.receiptFile.order.gateway);
	return jsonResponse(writer.whole(checked.answer, endOf(checked, model, now())), 200, headersOf(checked.callId, checked.charge));
}

async function streamed(asked: Asked, { signal }: HttpRequest, { freehold, purse, licences, note, now }: DoorModules, end: () => void): Promise<HttpResponse> {
	const { model, request, writer } = asked;
	// A refusal before the first piece has a status of its own.
	const { events, first } = await licences.with(
		model,
		async (licence) => {
			const begun = freehold.text.stream(model, request, { licence, signal, maxCharge: purse.left });
			return { events: begun, first: await begun.next() };
		},
		signal,
	);
	if (first.done === true || first.value.type !== "started") throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "an empty stream" });
	const { callId, inputTokens } = first.value;
	// Before anything comes: whoever leaves in the middle has a receipt too.
	await note(model, callId, freehold.client.offers.quote(model)?.gateway ?? NOBODY);
	const createdAt = now();
	const voice = writer.stream({ callId, model, createdAt, inputTokens });
	const body = async (sink: BodySink): Promise<void> => {
		try {
			if (!(await sink.write(voice.open()))) return;
			for await (const event of events as AsyncIterable<TextEvent>) {
				if (event.type === "delta") {
					const piece = voice.delta(event.delta);
					if (piece !== "" && !(await sink.write(piece))) return;
				} else if (event.type === "checked") {
					const { result } = event;
					purse.spend(result.charge);
					const comment = receiptComment({ callId, charge: result.charge.toString(), chargeOpg: formatOpg(result.charge), state: "verified" });
					await sink.write(voice.close(result.answer, endOf(result, model, createdAt), comment));
				}
			}
		} catch (error) {
			const known = error instanceof FreeholdError ? error : new FreeholdError("upstream.failed", { what: "The gateway", reason: String(error) });
			await sink.write(voice.fail(known, ""));
		} finally {
			await events.return();
			end();
		}
	};
	return { status: 200, headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", ...headersOf(callId) }, body };
}

function endOf(checked: CheckedText, model: string, createdAt: number): AnswerEnd {
	const { callId, inputTokens, outputTokens } = checked;
	return { callId, model, createdAt, inputTokens, outputTokens };
}

function headersOf(callId: string, charge?: bigint): Readonly<Record<string, string>> {
	return {
		"x-freehold-call-id": callId,
		"x-request-id": callId,
		"request-id": callId,
		...(charge === undefined ? {} : { "x-freehold-charge": formatOpg(charge) }),
	};
}
