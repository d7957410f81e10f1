/** The map of the page. Every room but the first is fetched when it is entered, or when a pointer comes near its link. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { buttonClass } from "./design/button.js";
import { RoomHead } from "./design/parts.js";
import { Skeleton, TroubleNote } from "./design/states.js";
import { Frame } from "./frame/frame.js";
import type { ModelSort } from "./network/queries.js";
import { troubleOf } from "./network/trouble.js";
import { Home } from "./rooms/home/home.js";

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });
const home = createRoute({ getParentRoute: () => root, path: "/", component: Home });
const models = createRoute({
	getParentRoute: () => root,
	path: "/models",
	validateSearch: (
		search: Readonly<Record<string, unknown>>,
	): { readonly q?: string | undefined; readonly sort?: ModelSort | undefined; readonly owner?: string | undefined } => ({
		...(typeof search["q"] === "string" && search["q"] !== "" ? { q: search["q"].slice(0, 200) } : {}),
		...(isSort(search["sort"]) ? { sort: search["sort"] } : {}),
		...(typeof search["owner"] === "string" ? { owner: search["owner"] } : {}),
	}),
	component: lazyRouteComponent(() => import("./rooms/models/models.js"), "Models"),
});
const model = createRoute({
	getParentRoute: () => root,
	path: "/models/$namespace/$name",
	component: lazyRouteComponent(() => import("./rooms/model/model.js"), "Model"),
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
const design = createRoute({
	getParentRoute: () => root,
	path: "/design",
	component: lazyRouteComponent(() => import("./design/gallery/gallery.js"), "Gallery"),
});

export const router = createRouter({
	routeTree: root.addChildren([home, models, model, publish, verify, earnings, account, design]),
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
