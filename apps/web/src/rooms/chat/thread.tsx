/** The branch of a conversation that is shown, and what is said of it to those who listen. */
import { lazy, type ReactElement, Suspense, useEffect, useRef, useState } from "react";
import { type AnswerTurn, branchesAfter, type Conversation, showBranch, type Turn } from "../../conversations/conversation.js";
import { spokenPart } from "./spoken.js";
import type { Talk, TalkView } from "./talk.js";
import { Answered, Asked, type Branch, ToolResult } from "./turns.js";

const KnownSheet = lazy(() => import("./known-sheet.js").then(({ KnownSheet }) => ({ default: KnownSheet })));

interface ThreadProps {
	readonly talk: Talk;
	readonly view: TalkView;
	readonly path: readonly Turn[];
}

export function Thread({ talk, view, path }: ThreadProps): ReactElement {
	const { conversation, phase, running } = view;
	const [known, setKnown] = useState<string>();
	const idle = phase === "idle";
	const shown = known === undefined ? undefined : conversation.turns.find((turn): turn is AnswerTurn => turn.id === known && turn.role === "answer");
	useFollowing(path.at(-1), !idle);
	return (
		<>
			<div className="flex flex-col gap-6" role="log" aria-live="off" aria-label="Conversation">
				{path.map((turn) => {
					const place = { branch: branchOf(conversation, turn), onBranch: (step: 1 | -1) => talk.change((before) => showBranch(before, turn, step)) };
					if (turn.role === "tool") return <ToolResult key={turn.id} turn={turn} />;
					if (turn.role === "user") return <Asked key={turn.id} turn={turn} idle={idle} {...place} onEdit={(text) => talk.say(text, turn.parent)} />;
					return (
						<Answered
							key={turn.id}
							turn={turn}
							idle={idle}
							live={turn.id === running && phase !== "idle" ? phase : undefined}
							{...place}
							onRetry={(shorter) => void talk.retry(turn, shorter)}
							onKnown={() => setKnown(turn.id)}
							onRecover={() => void talk.recoverLost()}
						/>
					);
				})}
			</div>
			<Spoken turn={path.at(-1)} phase={phase} />
			{shown && (
				<Suspense fallback={null}>
					<KnownSheet talk={talk} conversation={conversation} turn={shown} onClose={() => setKnown(undefined)} />
				</Suspense>
			)}
		</>
	);
}

function branchOf(conversation: Conversation, turn: Turn): Branch {
	const branches = branchesAfter(conversation, turn.parent);
	return { at: branches.findIndex(({ id }) => id === turn.id) + 1, of: branches.length };
}

/** Keeps the end in sight while an answer grows, unless the person has scrolled away from it. */
function useFollowing(last: Turn | undefined, growing: boolean): void {
	const pinned = useRef(true);
	useEffect(() => {
		const onScroll = (): void => {
			pinned.current = document.documentElement.scrollHeight - scrollY - innerHeight < NEAR_PX;
		};
		addEventListener("scroll", onScroll, { passive: true });
		return () => removeEventListener("scroll", onScroll);
	}, []);
	const length = last?.role === "answer" ? last.text.length : 0;
	const id = last?.id;
	// biome-ignore lint/correctness/useExhaustiveDependencies: each new piece moves the end.
	useEffect(() => {
		if (growing && pinned.current) scrollTo(0, document.documentElement.scrollHeight);
	}, [id, length, growing]);
}

const NEAR_PX = 160;

/** Screen readers hear an answer by whole sentences, not by pieces of words. */
function Spoken({ turn, phase }: { readonly turn: Turn | undefined; readonly phase: TalkView["phase"] }): ReactElement {
	const heard = useRef({ id: "", characters: 0 });
	const [words, setWords] = useState("");
	useEffect(() => {
		if (turn?.role !== "answer") return;
		if (heard.current.id !== turn.id) {
			// An answer that was there before is read, not announced.
			heard.current = { id: turn.id, characters: phase === "idle" ? turn.text.length : 0 };
			if (phase !== "idle") setWords("Answering");
		}
		const next = spokenPart(turn.text.slice(heard.current.characters), phase === "idle");
		if (next === "") return;
		heard.current.characters += next.length;
		setWords(next.trim());
	}, [turn, phase]);
	return (
		<p role="status" className="sr-only" data-testid="spoken">
			{words}
		</p>
	);
}
