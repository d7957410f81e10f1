import "./design/tokens.css";
import { FreeholdError } from "@freehold/protocol";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { startSession } from "./account/session.js";
import { router } from "./routes.js";

const MAX_TRIES = 2;

const queries = new QueryClient({
	defaultOptions: {
		queries: {
			// A refusal that cannot change is not asked again.
			retry: (failures, error) => failures < MAX_TRIES && (!(error instanceof FreeholdError) || (error.entry.retryable && error.code !== "network.down")),
			networkMode: "always",
			refetchOnWindowFocus: true,
		},
		mutations: { networkMode: "always" },
	},
});

const page = document.getElementById("page");
if (page === null) throw new Error("index.html has no place for the page");
void startSession();
createRoot(page).render(
	<StrictMode>
		<QueryClientProvider client={queries}>
			<RouterProvider router={router} />
		</QueryClientProvider>
	</StrictMode>,
);
