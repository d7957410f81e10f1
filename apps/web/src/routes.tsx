/** The map of the page. Every room but the first is fetched when it is entered, or when a pointer comes near its link. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { buttonClass } from "./design/button.js";
import { RoomHead } from "./design/parts.js";
import { Skeleton, TroubleNote } from "./design/states.js";
import { Frame } from "./frame/frame.js";
import type { ModelFilter, ModelSort } from "./network/queries.js";
import { troubleOf } from "./network/trouble.js";
import { Home } from "./rooms/home/home.js";

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });
const home = createRoute({ getParentRoute: () => root, path: "/", component: Home });
const models = createRoute({
	getParentRoute: () => root,
	path: "/models",
	validateSearch: (search: Readonly<Record<string, unknown>>): ModelFilter => ({
		...texts(search, ["q", "owner", "task", "licence", "tag", "maxPrice"]),
		...(isSort(search["sort"]) ? { sort: search["sort"] } : {}),
	}),
	component: lazyRouteComponent(() => import("./rooms/models/models.js"), "Models"),
});
const model = createRoute({
	getParentRoute: () => root,
	path: "/models/$namespace/$name",
	component: lazyRouteComponent(() => import("./rooms/model/model.js"), "Model"),
});
const chat = createRoute({
	getParentRoute: () => root,
	path: "/chat",
	validateSearch: (search: Readonly<Record<string, unknown>>): { readonly c?: string; readonly model?: string } => texts(search, ["c", "model"]),
	component: lazyRouteComponent(() => import("./rooms/chat/chat.js"), "Chat"),
});
const publish = createRoute({
	getParentRoute: () => root,
	path: "/publish",
	validateSearch: (search: Readonly<Record<string, unknown>>): { readonly name?: string | undefined; readonly version?: string | undefined } => ({
		...(typeof search["name"] === "string" ? { name: search["name"].slice(0, 127) } : {}),
		...(typeof search["version"] === "string" ? { version: search["version"].slice(0, 11) } : {}),
	}),
	component: lazyRouteComponent(() => import("./rooms/publish/publish.js"), "Publish"),
});
const verify = createRoute({ getParentRoute: () => root, path: "/verify", component: lazyRouteComponent(() => import("./rooms/verify/verify.js"), "Verify") });
const earnings = createRoute({
	getParentRoute: () => root,
	path: "/earnings",
	validateSearch: (search: Readonly<Record<string, unknown>>): { readonly owner?: string | undefined } =>
		typeof search["owner"] === "string" ? { owner: search["owner"] } : {},
	component: lazyRouteComponent(() => import("./rooms/earnings/earnings.js"), "Earnings"),
});
const account = createRoute({
	getParentRoute: () => root,
	path: "/account",
	component: lazyRouteComponent(() => import("./rooms/account/account.js"), "AccountRoom"),
});
const keys = createRoute({ getParentRoute: () => root, path: "/keys", component: lazyRouteComponent(() => import("./rooms/keys/keys.js"), "Keys") });
const design = createRoute({
	getParentRoute: () => root,
	path: "/design",
	component: lazyRouteComponent(() => import("./design/gallery/gallery.js"), "Gallery"),
});

export const router = createRouter({
	routeTree: root.addChildren([home, models, model, chat, publish, verify, earnings, keys, account, design]),
	defaultPreload: "intent",
	defaultPendingMs: 150,
	scrollRestoration: true,
	defaultPendingComponent: () => <Skeleton lines={5} label="Opening the room" />,
	defaultErrorComponent: ({ error, reset }) => <TroubleNote trouble={troubleOf(error, "Showing this room")} retry={reset} />,
});

declare module "@tanstack/react-router" {
	interface Register {
		router: typeof router;
	}
}

/** The members that are texts and not empty, cut at what the hub takes. */
function texts<K extends string>(search: Readonly<Record<string, unknown>>, keys: readonly K[]): { readonly [key in K]?: string } {
	const found: { [key in K]?: string } = {};
	for (const key of keys) {
		const value = search[key];
		if (typeof value === "string" && value !== "") found[key] = value.slice(0, 200);
	}
	return found;
}

function isSort(value: unknown): value is ModelSort {
	return value === "newest" || value === "calls" || value === "earnings" || value === "name";
}

function NotFound(): ReactElement {
	return (
		<RoomHead
			title="There is no such room"
			action={
				<a href="/" className={buttonClass("solid")}>
					Go home
				</a>
			}
		>
			The address leads nowhere on this page.
		</RoomHead>
	);
}
