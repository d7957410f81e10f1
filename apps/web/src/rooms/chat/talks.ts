/** The conversations that were opened since the page was: each has one `Talk`, so that nothing is asked or written twice. */
import type { QueryClient } from "@tanstack/react-query";
import { type Conversation, newConversation, type Settings } from "../../conversations/conversation.js";
import type { Shelf } from "../../conversations/shelf.js";
import { hearTabs } from "../../conversations/tabs.js";
import { Talk } from "./talk.js";

const MOST_OPEN = 50;
const open = new Map<string, Talk>();
hearTabs((id) => open.get(id)?.refresh());

export function beginTalk(client: QueryClient, model: string, settings: Settings): Talk {
	return keep(new Talk(client, newConversation(crypto.randomUUID(), model, settings, Date.now())));
}

/** One that was read from its owner's shelf. */
export function takeTalk(client: QueryClient, conversation: Conversation, shelf: Shelf, owner: string): Talk {
	const talk = keep(new Talk(client, conversation, { shelf, owner }));
	void talk.recoverLost();
	return talk;
}

/** Undefined when it was not opened yet. */
export function openTalk(id: string): Talk | undefined {
	return open.get(id);
}

export function dropTalk(id: string): void {
	open.get(id)?.forget();
	open.delete(id);
}

/** Another key is here, or it was locked: what was said under the one before is not in memory any more. */
export function dropOthers(owner: string | undefined): void {
	for (const [id, talk] of [...open]) if (talk.owner !== undefined && talk.owner !== owner) dropTalk(id);
}

function keep(talk: Talk): Talk {
	open.set(talk.view().conversation.id, talk);
	for (const [id, old] of open) {
		if (open.size <= MOST_OPEN) break;
		if (old.view().phase === "idle") open.delete(id);
	}
	return talk;
}
