/** Says that the network does not answer, since when, and that the page goes on trying; and when it is another one than before. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState, useSyncExternalStore } from "react";
import { Button } from "../design/button.js";
import { Icon } from "../design/icon.js";
import { Time } from "../design/values.js";
import { checkpointChanged, trustCheckpoint } from "../network/network.js";
import { networkQuery } from "../network/queries.js";

function useOnline(): boolean {
	return useSyncExternalStore(
		(listener) => {
			addEventListener("online", listener);
			addEventListener("offline", listener);
			return () => {
				removeEventListener("online", listener);
				removeEventListener("offline", listener);
			};
		},
		() => navigator.onLine,
	);
}

export function NetworkNotice(): ReactElement | null {
	const online = useOnline();
	const client = useQueryClient();
	const network = useQuery(networkQuery);
	const [answered, setAnswered] = useState(false);
	if (network.isSuccess && network.data !== undefined && checkpointChanged(network.data) && !answered) {
		const { chainId, checkpoint } = network.data;
		return (
			<Bar>
				<p className="flex-1">
					<strong>This is another network than the one this browser saw first.</strong> After a fresh start on your own machine that is expected. Otherwise do
					not go on: receipts are checked against what you trust here.
				</p>
				<Button
					small
					onClick={() => {
						trustCheckpoint(chainId, checkpoint);
						setAnswered(true);
						void client.invalidateQueries();
					}}
				>
					Trust this one
				</Button>
			</Bar>
		);
	}
	if (!isSecureContext)
		return (
			<Bar>
				<p className="flex-1">
					<strong>This address is not secure.</strong> Over plain HTTP from another machine your browser keeps no key for a page, so you can look and verify
					here, but not ask, publish or be paid. Open it by https, or on the machine itself.
				</p>
			</Bar>
		);
	if (online && !network.isError) return null;
	return (
		<Bar>
			<p className="flex-1">
				<strong>{online ? "The network does not answer." : "This device is offline."}</strong> What you see is the last that was known
				{network.dataUpdatedAt > 0 && (
					<>
						, from <Time value={network.dataUpdatedAt} />
					</>
				)}
				. Checking receipts still works. The page keeps trying.
			</p>
			<Button small onClick={() => void client.refetchQueries({ type: "active" })}>
				Try now
			</Button>
		</Bar>
	);
}

function Bar({ children }: { readonly children: React.ReactNode }): ReactElement {
	return (
		<div role="status" className="border-b border-warn/40 bg-warn-wash px-4 py-2.5 text-small sm:px-8 lg:px-12">
			<div className="mx-auto flex max-w-6xl flex-wrap items-center gap-3">
				<Icon name="offline" className="text-warn" />
				{children}
			</div>
		</div>
	);
}
