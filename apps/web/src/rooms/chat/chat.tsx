/** Talking to the language models of the network: each answer is paid to its owners, checked in this tab, and kept here, encrypted. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type ReactElement, useEffect, useState, useSyncExternalStore } from "react";
import { currentSession } from "../../account/session.js";
import { requireAccount } from "../../account/starting.js";
import { plainSettings, shownPath } from "../../conversations/conversation.js";
import { conversationFileName, readConversationFile, writeConversationFile } from "../../conversations/conversation-file.js";
import { openShelf } from "../../conversations/shelf.js";
import { Button, buttonClass } from "../../design/button.js";
import { Sheet } from "../../design/sheet.js";
import { Empty, Skeleton, type Trouble, TroubleNote } from "../../design/states.js";
import { talkersQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { saveText } from "../../receipt/save.js";
import { Composer } from "./composer.js";
import { ConversationList, type ListProps } from "./conversation-list.js";
import type { Talk } from "./talk.js";
import { beginTalk, dropOthers, dropTalk, openTalk, takeTalk } from "./talks.js";
import { Thread } from "./thread.js";
import { type ShelfState, useShelf } from "./use-shelf.js";

const route = getRouteApi("/chat");
const LAST_MODEL = "freehold.chat.model";
const PREFERRED = "freehold/chat";
const STARTERS = ["What is a till?", "How do I get paid?", "Hello!"] as const;

export function Chat(): ReactElement {
	const { c: id, model: wanted } = route.useSearch();
	const navigate = useNavigate();
	const client = useQueryClient();
	const state = useShelf();
	const talkers = useQuery(talkersQuery);
	const models = talkers.data ?? [];
	const { talk, missing, trouble } = useTalk(id, state, wanted ?? firstModel(models));
	const [listing, setListing] = useState(false);
	const open = (next: string | undefined): void => {
		setListing(false);
		void navigate({ to: "/chat", search: next === undefined ? {} : { c: next } });
	};
	const list = useListProps(state, id, open);
	const conversations = <ConversationList {...list} />;
	return (
		<div className="grid grid-cols-1 gap-x-10 lg:grid-cols-[14rem_minmax(0,1fr)]">
			<aside
				aria-label="Your conversations"
				className="hidden lg:sticky lg:top-11 lg:block lg:max-h-[calc(100dvh-5rem)] lg:self-start lg:overflow-y-auto lg:p-1"
			>
				{conversations}
			</aside>
			<div className="flex min-h-[calc(100dvh-13rem)] min-w-0 flex-col lg:min-h-[calc(100dvh-8rem)]">
				<div className="mb-4 flex items-center justify-between gap-3 lg:hidden">
					<Button small icon="chat" aria-expanded={listing} onClick={() => setListing(true)}>
						Conversations
					</Button>
					<Button small kind="quiet" icon="plus" onClick={() => open(undefined)}>
						New
					</Button>
				</div>
				{missing ? (
					<Missing state={state} />
				) : trouble ? (
					<TroubleNote trouble={trouble} />
				) : talk === undefined ? (
					<Skeleton lines={6} label="Opening the conversation" />
				) : talkers.isError && models.length === 0 && talk.view().conversation.turns.length === 0 ? (
					<TroubleNote trouble={troubleOf(talkers.error, "Asking which models there are")} retry={() => void talkers.refetch()} />
				) : talkers.isSuccess && models.length === 0 && talk.view().conversation.turns.length === 0 ? (
					<NoModels />
				) : (
					<Open
						key={talk.view().conversation.id}
						talk={talk}
						models={models}
						onBegun={(begun) => {
							void client.invalidateQueries({ queryKey: ["conversations"] });
							if (begun !== id) void navigate({ to: "/chat", search: { c: begun }, replace: true });
						}}
					/>
				)}
			</div>
			{listing && (
				<Sheet open title="Your conversations" onClose={() => setListing(false)}>
					{conversations}
				</Sheet>
			)}
		</div>
	);
}

function Open({ talk, models, onBegun }: { readonly talk: Talk; readonly models: readonly string[]; readonly onBegun: (id: string) => void }): ReactElement {
	const view = useSyncExternalStore(talk.subscribe, talk.view);
	const [suggested, suggest] = useState<{ readonly text: string }>();
	const { conversation, phase, unkept } = view;
	const path = shownPath(conversation);
	return (
		<>
			<h1 className="mb-5 text-title font-semibold break-words">{conversation.title || "Chat"}</h1>
			{path.length === 0 ? (
				<Empty
					title="Ask a model of this network"
					action={
						<div className="flex flex-wrap justify-center gap-2">
							{STARTERS.map((text) => (
								<Button key={text} small onClick={() => suggest({ text })}>
									{text}
								</Button>
							))}
						</div>
					}
				>
					Each answer pays the model's owners and comes with a receipt that you can check here. What you say is kept on this device only, encrypted.
				</Empty>
			) : (
				<Thread talk={talk} view={view} path={path} />
			)}
			<div className="sticky bottom-[calc(3.75rem+env(safe-area-inset-bottom))] z-20 mt-auto pt-6 lg:bottom-4">
				{unkept && <TroubleNote className="mb-2" trouble={unkept} />}
				<Composer
					conversation={conversation}
					path={path}
					phase={phase}
					models={models}
					suggested={suggested}
					onModel={(model) => {
						localStorage.setItem(LAST_MODEL, model);
						talk.change((before) => ({ ...before, model }));
					}}
					onSettings={(settings) => talk.change((before) => ({ ...before, settings }))}
					onStop={() => talk.stop()}
					onSay={async (text) => {
						const said = await talk.say(text, path.at(-1)?.id);
						if (said) onBegun(conversation.id);
						return said;
					}}
				/>
			</div>
		</>
	);
}

/** The conversation that the address names, or a new one. */
function useTalk(
	id: string | undefined,
	state: ShelfState,
	model: string,
): { readonly talk: Talk | undefined; readonly missing: boolean; readonly trouble: Trouble | undefined } {
	const client = useQueryClient();
	const [found, setFound] = useState<{ readonly id: string | undefined; readonly talk?: Talk; readonly trouble?: Trouble }>();
	const shelf = state.phase === "open" ? state.shelf : undefined;
	const owner = state.phase === "open" ? state.owner : undefined;
	const closed = state.phase === "locked" || state.phase === "nobody";
	useEffect(() => {
		if (owner !== undefined || closed) dropOthers(owner);
	}, [owner, closed]);
	useEffect(() => {
		let current = true;
		// One that nothing was said in yet stays while somebody makes a key to say it with.
		if (id === undefined)
			setFound((before) => (before?.id === undefined && isFresh(before?.talk) ? before : { id, talk: beginTalk(client, "", plainSettings) }));
		else if (openTalk(id) === undefined && shelf !== undefined && owner !== undefined)
			shelf
				.read(id)
				.then((conversation) => {
					if (current) setFound(conversation === undefined ? { id } : { id, talk: openTalk(id) ?? takeTalk(client, conversation, shelf, owner) });
				})
				.catch((error: unknown) => current && setFound({ id, trouble: troubleOf(error, "Opening the conversation") }));
		return () => {
			current = false;
		};
	}, [id, shelf, owner, client]);
	const talk = id !== undefined && closed ? undefined : ((id === undefined ? undefined : openTalk(id)) ?? (found?.id === id ? found?.talk : undefined));
	// A new conversation goes to the model that is asked for; which there are is known a moment later.
	useEffect(() => {
		if (talk !== undefined && model !== "" && talk.view().conversation.model === "") talk.change((before) => ({ ...before, model }));
	}, [talk, model]);
	const missing = id !== undefined && talk === undefined && (closed || (found?.id === id && found.trouble === undefined));
	return { talk, missing, trouble: found?.id === id ? found?.trouble : undefined };
}

function isFresh(talk: Talk | undefined): boolean {
	return talk !== undefined && talk.view().conversation.turns.length === 0;
}

function useListProps(state: ShelfState, current: string | undefined, open: (id: string | undefined) => void): ListProps {
	const client = useQueryClient();
	const [failure, setFailure] = useState<Trouble>();
	const shelf = state.phase === "open" ? state.shelf : undefined;
	const query = useQuery({
		queryKey: ["conversations", state.phase === "open" ? state.owner : ""],
		queryFn: async () => (await shelf?.list()) ?? [],
		enabled: shelf !== undefined,
	});
	const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: ["conversations"] });
	const doing = async (what: string, work: () => Promise<void>): Promise<void> => {
		setFailure(undefined);
		await work().catch((error: unknown) => setFailure(troubleOf(error, what)));
	};
	const conversationOf = async (id: string) => {
		const conversation = openTalk(id)?.view().conversation ?? (await shelf?.read(id));
		if (conversation === undefined) throw new Error("It is not on this device any more.");
		return conversation;
	};
	return {
		heads: state.phase === "locked" ? "closed" : state.phase === "nobody" ? [] : query.data,
		trouble: failure ?? (state.phase === "failed" ? state.trouble : query.isError ? troubleOf(query.error, "Reading your conversations") : undefined),
		current,
		onOpen: open,
		onNew: () => open(undefined),
		onUnlock: () => void requireAccount().catch(() => undefined),
		onRename: (id, title) =>
			doing("Renaming", async () => {
				const known = openTalk(id);
				if (known !== undefined) known.change((before) => ({ ...before, title }));
				else await shelf?.write({ ...(await conversationOf(id)), title });
				await refresh();
			}),
		onExport: (id) =>
			doing("Keeping it as a file", async () => {
				const conversation = await conversationOf(id);
				saveText(conversationFileName(conversation), writeConversationFile(conversation), "application/json");
			}),
		onImport: (file) =>
			doing("Importing", async () => {
				const conversation = readConversationFile(await file.text(), crypto.randomUUID());
				await requireAccount();
				await (shelf ?? (await openShelf(currentSession())))?.write(conversation);
				await refresh();
				open(conversation.id);
			}),
		onRemove: (id) =>
			doing("Removing", async () => {
				dropTalk(id);
				await shelf?.remove(id);
				await refresh();
				if (id === current) open(undefined);
			}),
	};
}

function firstModel(models: readonly string[]): string {
	const last = localStorage.getItem(LAST_MODEL);
	if (last !== null && models.includes(last)) return last;
	return models.includes(PREFERRED) ? PREFERRED : (models[0] ?? "");
}

function Missing({ state }: { readonly state: ShelfState }): ReactElement {
	const locked = state.phase === "locked";
	return (
		<Empty
			title={locked ? "Your conversations are locked" : "This conversation is not here"}
			action={
				locked ? (
					<Button kind="solid" icon="key" onClick={() => void requireAccount().catch(() => undefined)}>
						Open your key
					</Button>
				) : (
					<Link to="/chat" className={buttonClass("outline", true)}>
						Begin a new one
					</Link>
				)
			}
		>
			{locked ? "They are encrypted under your key." : "It was removed, or it belongs to another key or another browser."}
		</Empty>
	);
}

function NoModels(): ReactElement {
	return (
		<Empty
			title="No language model answers here yet"
			action={
				<Link to="/publish" className={buttonClass("solid", true)}>
					Publish one
				</Link>
			}
		>
			A GGUF file becomes one that anybody can ask.
		</Empty>
	);
}
