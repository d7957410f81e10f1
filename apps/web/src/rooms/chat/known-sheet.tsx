/** What is known about one answer: who answered, what it cost, who was paid, and the check in this tab. */
import { type ReceiptFile, receiptFileShape } from "@freehold/protocol";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useMemo } from "react";
import type { Receipted } from "../../asking/use-ask.js";
import type { AnswerTurn, Conversation } from "../../conversations/conversation.js";
import { Button } from "../../design/button.js";
import { Facts } from "../../design/parts.js";
import { Sheet } from "../../design/sheet.js";
import { TroubleNote } from "../../design/states.js";
import { Amount, Count, Hash, Time } from "../../design/values.js";
import { freeholdOf } from "../../network/freehold.js";
import { networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { PaymentPanel, VerifyPanel } from "../../receipt/receipt-panel.js";
import { saveReceipt } from "../../receipt/save.js";
import { disagreementOf } from "./agreement.js";
import type { Talk } from "./talk.js";

const WAIT_MS = 30_000;

interface KnownProps {
	readonly talk: Talk;
	readonly conversation: Conversation;
	readonly turn: AnswerTurn;
	readonly onClose: () => void;
}

export function KnownSheet({ talk, conversation, turn, onClose }: KnownProps): ReactElement {
	const receipt = useMemo(() => readReceipt(turn), [turn]);
	return (
		<Sheet open wide title="What is known about this answer" onClose={onClose}>
			{receipt === undefined ? (
				<p className="text-small text-soft">There is no receipt: nothing was charged for this answer, and nothing is known about it.</p>
			) : receipt instanceof Error ? (
				<div data-testid="known-fault">
					<TroubleNote trouble={{ title: "Not genuine", detail: `Its receipt cannot be read as one: ${receipt.message}`, retryable: false }} />
				</div>
			) : (
				<Known talk={talk} conversation={conversation} turn={turn} file={receipt} />
			)}
		</Sheet>
	);
}

function Known({ talk, conversation, turn, file }: Omit<KnownProps, "onClose"> & { readonly file: ReceiptFile }): ReactElement {
	const answer = useFollowed(talk, turn, file);
	const disagreement = disagreementOf(conversation, turn, answer.file);
	const { order, receipt, engine } = answer.file;
	return (
		<>
			{disagreement && (
				<div data-testid="known-fault">
					<TroubleNote trouble={{ title: "Receipt and conversation disagree", detail: disagreement, retryable: false }} />
				</div>
			)}
			<Facts
				rows={[
					["Answered by", <span key="m">{turn.model}</span>],
					["When", <Time key="t" value={Number(receipt.finishedAt)} />],
					["It took", <Count key="d" value={Number(receipt.finishedAt - receipt.startedAt)} unit={["millisecond", "milliseconds"]} />],
					["Read", <Count key="i" value={Number(receipt.inputUnits)} unit={["token", "tokens"]} />],
					["Wrote", <Count key="o" value={Number(receipt.outputUnits)} unit={["token", "tokens"]} />],
					["Charged", <Amount key="c" value={receipt.charge} className="font-semibold" />],
					["Drawn at", `temperature ${turn.temperature}, seed ${turn.seed}`],
					["Engine", engine === undefined ? "not told" : `${engine.name} ${engine.version}`],
					["Ran on", <Hash key="n" value={order.node} label="node" />],
					["Through", <Hash key="g" value={order.gateway} label="gateway" />],
				]}
			/>
			<PaymentPanel answer={answer} />
			<VerifyPanel answer={answer} narrow />
			<div className="mt-6 flex flex-wrap items-center gap-3">
				<Button small icon="download" onClick={() => saveReceipt(answer.file)}>
					Keep the receipt
				</Button>
				<p className="text-fine text-soft">
					{answer.state === "final" ? "Complete: it proves itself anywhere." : "It proves when it was made once the chain has it."}
				</p>
			</div>
		</>
	);
}

/** The newest receipt of a call, and who was paid. What is complete here already is not asked for again. */
function useFollowed(talk: Talk, turn: AnswerTurn, file: ReceiptFile): Receipted {
	const client = useQueryClient();
	const { callId } = file.order;
	const state = turn.paid?.state ?? "signed";
	const freehold = async () => freeholdOf(await client.ensureQueryData(networkQuery));
	const waited = useQuery({
		queryKey: ["receipt", callId],
		queryFn: async ({ signal }) => {
			const found = await (await freehold()).receipts.wait(callId, { timeoutMs: WAIT_MS, signal });
			if (state !== "final") talk.newerReceipt(turn.id, found);
			return found;
		},
		// The transaction that paid is known to the gateway alone; once it is final it does not change.
		staleTime: ({ state: { data } }) => (data?.state === "final" ? Number.POSITIVE_INFINITY : 0),
		structuralSharing: false,
	});
	const best = state === "final" || waited.data === undefined ? file : waited.data.file;
	const transaction = waited.data?.batch?.transaction;
	const split = useQuery({
		queryKey: ["split", callId, transaction],
		queryFn: async ({ signal }) =>
			(await freehold()).receipts.split(waited.data?.file ?? best, { ...(transaction === undefined ? {} : { transaction }), signal }),
		staleTime: Number.POSITIVE_INFINITY,
		structuralSharing: false,
	});
	const error = split.error ?? (state === "final" ? undefined : waited.error);
	return {
		file: best,
		state: state === "final" ? state : (waited.data?.state ?? state),
		split: split.data,
		transaction,
		trouble: error ? troubleOf(error, "Following the payment") : undefined,
	};
}

/** The receipt as the conversation has it; why it is none; undefined: there is none. */
function readReceipt({ paid }: AnswerTurn): ReceiptFile | SyntaxError | undefined {
	if (paid === undefined) return undefined;
	try {
		return receiptFileShape.read(paid.receipt, "receipt");
	} catch (error) {
		return error instanceof SyntaxError ? error : new SyntaxError(String(error));
	}
}
