/** The shortest way from nobody to somebody who can ask: a key in this browser, and test money where the network gives it. */
import { networkOf } from "@freehold/protocol";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactElement, useState } from "react";
import { Button } from "../design/button.js";
import { TextField } from "../design/field.js";
import { Sheet } from "../design/sheet.js";
import { TroubleNote } from "../design/states.js";
import { networkQuery } from "../network/queries.js";
import { troubleOf } from "../network/trouble.js";
import { makeKey } from "./new-key.js";
import { connectWallet, unlock, useSession } from "./session.js";
import type { Start } from "./starting.js";
import { askFaucet } from "./test-money.js";
import { askWallet, useWallets } from "./wallets.js";

export function StartSheet({ start }: { readonly start: Start }): ReactElement {
	const session = useSession();
	return session.kind === "locked" ? <Unlock start={start} /> : <Begin start={start} />;
}

function Begin({ start }: { readonly start: Start }): ReactElement {
	const client = useQueryClient();
	const network = useQuery(networkQuery);
	const wallets = useWallets();
	const gives = network.data !== undefined && networkOf(network.data.chainId)?.development === true;
	const begin = useMutation({
		mutationFn: async () => {
			const address = await makeKey();
			if (gives) await askFaucet(address);
			await client.invalidateQueries({ queryKey: ["balance"] });
		},
		onSuccess: () => start.finish(true),
	});
	const wallet = useMutation({
		mutationFn: async (chosen: (typeof wallets)[number]) => connectWallet(await askWallet(chosen), chosen),
		onSuccess: () => start.finish(true),
	});
	return (
		<Sheet open title="Somebody has to sign" onClose={() => start.finish(false)}>
			<div className="flex flex-col gap-3 text-small">
				<p>
					Asking, owning and being paid are all signed for, so this page needs a key. It is made here, stays in this browser, encrypted, and never leaves this
					page unless you export it.
				</p>
				{gives && <p>This is a development network: you get 100 OPG of test money with it. It is worth nothing outside.</p>}
			</div>
			<div className="mt-5 flex flex-col gap-2.5">
				<Button kind="solid" icon="key" busy={begin.isPending && (gives ? "Making a key, getting test money" : "Making a key")} onClick={() => begin.mutate()}>
					{gives ? "Make a key and get test money" : "Make a key"}
				</Button>
				{wallets.map((found) => (
					<Button key={found.rdns} busy={wallet.isPending && wallet.variables === found && `Waiting for ${found.name}`} onClick={() => wallet.mutate(found)}>
						Use {found.name}
					</Button>
				))}
			</div>
			{begin.isError && <TroubleNote className="mt-4" trouble={troubleOf(begin.error, "Beginning")} retry={() => begin.mutate()} />}
			{wallet.isError && <TroubleNote className="mt-4" trouble={troubleOf(wallet.error, "Connecting the wallet")} />}
		</Sheet>
	);
}

function Unlock({ start }: { readonly start: Start }): ReactElement {
	const [passphrase, setPassphrase] = useState("");
	const open = useMutation({
		mutationFn: async () => {
			if (!(await unlock(passphrase))) throw new Error("The passphrase does not open this key.");
		},
		onSuccess: () => start.finish(true),
	});
	return (
		<Sheet open title="Open your key" onClose={() => start.finish(false)}>
			<form
				className="flex flex-col gap-4"
				onSubmit={(event: FormEvent) => {
					event.preventDefault();
					open.mutate();
				}}
			>
				<TextField
					label="Passphrase"
					type="password"
					autoComplete="current-password"
					value={passphrase}
					onChange={(event) => setPassphrase(event.target.value)}
					fault={open.isError ? open.error.message : undefined}
				/>
				<Button kind="solid" type="submit" busy={open.isPending && "Opening"}>
					Open
				</Button>
			</form>
		</Sheet>
	);
}
