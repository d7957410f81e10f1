/** The shelf of whoever is at the page. */
import { useEffect, useState } from "react";
import { addressOf, useSession } from "../../account/session.js";
import { openShelf, type Shelf } from "../../conversations/shelf.js";
import type { Trouble } from "../../design/states.js";
import { troubleOf } from "../../network/trouble.js";

export type ShelfState =
	| { readonly phase: "opening" }
	/** A key is here, and locked. */
	| { readonly phase: "locked" }
	/** Nobody is here yet. */
	| { readonly phase: "nobody" }
	| { readonly phase: "open"; readonly shelf: Shelf; readonly owner: string }
	| { readonly phase: "failed"; readonly trouble: Trouble };

export function useShelf(): ShelfState {
	const session = useSession();
	const { kind } = session;
	const address = addressOf(session);
	const [state, setState] = useState<ShelfState>({ phase: "opening" });
	// biome-ignore lint/correctness/useExhaustiveDependencies: kind and address are what matters of a session.
	useEffect(() => {
		if (kind === "locked") return setState({ phase: "locked" });
		if (kind === "none") return setState({ phase: "nobody" });
		let current = true;
		setState({ phase: "opening" });
		openShelf(session)
			.then((shelf) => current && shelf !== undefined && setState({ phase: "open", shelf, owner: address ?? "" }))
			.catch((error: unknown) => current && setState({ phase: "failed", trouble: troubleOf(error, "Opening your conversations") }));
		return () => {
			current = false;
		};
	}, [kind, address]);
	return state;
}
