/** Care of the key: a passphrase, a copy, another one, none; or a wallet instead. */
import { type Hex, isHex } from "@freehold/protocol";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactElement, useState } from "react";
import { readKeystore, writeKeystore } from "../../account/keystore-file.js";
import { restoreKey } from "../../account/new-key.js";
import { connectWallet, forgetKey, keepKey, leaveWallet, lock, privateKey, useSession } from "../../account/session.js";
import { askWallet, useWallets } from "../../account/wallets.js";
import { Button } from "../../design/button.js";
import { TextField, Tick } from "../../design/field.js";
import { Sheet } from "../../design/sheet.js";
import { Note, Progress, TroubleNote } from "../../design/states.js";
import { troubleOf } from "../../network/trouble.js";
import { saveText } from "../../receipt/save.js";

type Dialog = "export" | "passphrase" | "restore" | "forget";
const LEAST_CHARACTERS = 10;

export function KeyPanel(): ReactElement {
	const session = useSession();
	const [dialog, setDialog] = useState<Dialog>();
	const close = (): void => setDialog(undefined);
	if (session.kind === "wallet")
		return (
			<div className="flex flex-wrap items-center gap-4">
				<p className="text-small text-soft">
					{session.wallet.name} holds this key and signs with it. This page explains each request first, then the wallet asks again.
				</p>
				<Button onClick={() => void leaveWallet()}>Leave the wallet</Button>
			</div>
		);
	const guarded = session.kind === "key" && session.protectedBy === "passphrase";
	return (
		<>
			<p className="max-w-prose text-small text-soft">
				{guarded
					? "Encrypted under your passphrase. Without it nobody opens the key, this page included; there is no way to recover it but your own copy."
					: "Encrypted under a key that this browser keeps and that no script can read. Whoever uses this browser profile can use it: set a passphrase when it holds more than test money."}
			</p>
			<div className="mt-4 flex flex-wrap gap-2.5">
				<Button icon="download" onClick={() => setDialog("export")}>
					Export a copy
				</Button>
				<Button icon="key" onClick={() => setDialog("passphrase")}>
					{guarded ? "Change the passphrase" : "Set a passphrase"}
				</Button>
				{guarded && <Button onClick={lock}>Lock now</Button>}
				<Button kind="quiet" onClick={() => setDialog("restore")}>
					Use another key
				</Button>
				<Button kind="danger" onClick={() => setDialog("forget")}>
					Remove from this browser
				</Button>
			</div>
			<WalletButtons />
			<Sheet open={dialog === "export"} title="Export a copy" onClose={close}>
				<ExportForm onDone={close} />
			</Sheet>
			<Sheet open={dialog === "passphrase"} title="A passphrase for the key" onClose={close}>
				<PassphraseForm onDone={close} />
			</Sheet>
			<Sheet open={dialog === "restore"} title="Use another key" onClose={close}>
				<Note tone="warn" className="mb-4">
					The key that is here now is replaced. Export it first if it owns or holds anything.
				</Note>
				<RestorePanel onDone={close} />
			</Sheet>
			<Sheet open={dialog === "forget"} title="Remove the key" onClose={close}>
				<ForgetForm onDone={close} />
			</Sheet>
		</>
	);
}

function WalletButtons(): ReactElement | null {
	const wallets = useWallets();
	const connect = useMutation({ mutationFn: async (wallet: (typeof wallets)[number]) => connectWallet(await askWallet(wallet), wallet) });
	if (wallets.length === 0) return null;
	return (
		<div className="mt-4 flex flex-wrap items-center gap-2.5">
			<span className="text-small text-soft">Or sign with</span>
			{wallets.map((wallet) => (
				<Button
					key={wallet.rdns}
					small
					busy={connect.isPending && connect.variables === wallet && `Waiting for ${wallet.name}`}
					onClick={() => connect.mutate(wallet)}
				>
					{wallet.name}
				</Button>
			))}
			{connect.isError && <TroubleNote trouble={troubleOf(connect.error, "Connecting the wallet")} />}
		</div>
	);
}

function TwoPassphrases({
	first,
	second,
	onFirst,
	onSecond,
}: {
	readonly first: string;
	readonly second: string;
	readonly onFirst: (text: string) => void;
	readonly onSecond: (text: string) => void;
}): ReactElement {
	return (
		<>
			<TextField
				label="Passphrase"
				type="password"
				autoComplete="new-password"
				value={first}
				hint={`At least ${LEAST_CHARACTERS} characters; a few words are good`}
				onChange={(event) => onFirst(event.target.value)}
			/>
			<TextField
				label="Once more"
				type="password"
				autoComplete="new-password"
				value={second}
				fault={second !== "" && second !== first ? "Not the same" : undefined}
				onChange={(event) => onSecond(event.target.value)}
			/>
		</>
	);
}

function ExportForm({ onDone }: { readonly onDone: () => void }): ReactElement {
	const session = useSession();
	const [first, setFirst] = useState("");
	const [second, setSecond] = useState("");
	const [part, setPart] = useState(0);
	const work = useMutation({
		mutationFn: async () => {
			const key = privateKey();
			if (key === undefined || session.kind !== "key") throw new Error("The key is locked.");
			saveText(`freehold-${session.address.slice(2, 10)}.key.json`, await writeKeystore(key, session.address, first, setPart), "application/json");
		},
		onSuccess: onDone,
	});
	return (
		<form
			className="flex flex-col gap-4"
			onSubmit={(event: FormEvent) => {
				event.preventDefault();
				work.mutate();
			}}
		>
			<p className="text-small">
				The file is encrypted under a passphrase of your choice. It opens here, with freehold wallet import, and in Ethereum wallets.
			</p>
			<TwoPassphrases first={first} second={second} onFirst={setFirst} onSecond={setSecond} />
			{work.isPending && <Progress label="Encrypting" done={part} total={1} />}
			{work.isError && <TroubleNote trouble={troubleOf(work.error, "Exporting")} />}
			<Button kind="solid" type="submit" disabled={first.length < LEAST_CHARACTERS || first !== second} busy={work.isPending && "Encrypting"}>
				Save the file
			</Button>
		</form>
	);
}

function PassphraseForm({ onDone }: { readonly onDone: () => void }): ReactElement {
	const session = useSession();
	const [first, setFirst] = useState("");
	const [second, setSecond] = useState("");
	const work = useMutation({
		mutationFn: async () => {
			const key = privateKey();
			if (key === undefined || session.kind !== "key") throw new Error("The key is locked.");
			await keepKey(key, session.address, first);
		},
		onSuccess: onDone,
	});
	return (
		<form
			className="flex flex-col gap-4"
			onSubmit={(event: FormEvent) => {
				event.preventDefault();
				work.mutate();
			}}
		>
			<p className="text-small">From now on the key opens with it alone, once each time the page is loaded. If you forget it, only an exported copy helps.</p>
			<TwoPassphrases first={first} second={second} onFirst={setFirst} onSecond={setSecond} />
			{work.isError && <TroubleNote trouble={troubleOf(work.error, "Setting the passphrase")} />}
			<Button kind="solid" type="submit" disabled={first.length < LEAST_CHARACTERS || first !== second} busy={work.isPending && "Encrypting"}>
				Set it
			</Button>
		</form>
	);
}

/** From an exported file, or from a bare private key. */
export function RestorePanel({ onDone }: { readonly onDone?: () => void }): ReactElement {
	const [file, setFile] = useState<string>();
	const [bare, setBare] = useState("");
	const [passphrase, setPassphrase] = useState("");
	const [part, setPart] = useState(0);
	const key = bare
		.trim()
		.toLowerCase()
		.replace(/^(?!0x)/, "0x");
	const work = useMutation({
		mutationFn: async () => restoreKey(file === undefined ? (key as Hex) : await readKeystore(file, passphrase, setPart)),
		onSuccess: () => onDone?.(),
	});
	return (
		<form
			className="flex max-w-md flex-col gap-4"
			onSubmit={(event: FormEvent) => {
				event.preventDefault();
				work.mutate();
			}}
		>
			<TextField
				label="Key file"
				type="file"
				accept=".json,application/json"
				hint="As exported here, by freehold wallet export, or by an Ethereum wallet"
				onChange={(event) => void event.target.files?.[0]?.text().then(setFile)}
			/>
			{file === undefined ? (
				<TextField
					label="Or a private key"
					type="password"
					autoComplete="off"
					spellCheck={false}
					value={bare}
					fault={bare !== "" && !isHex(key, 32) ? "64 hexadecimal digits" : undefined}
					onChange={(event) => setBare(event.target.value)}
				/>
			) : (
				<TextField
					label="Passphrase of the file"
					type="password"
					autoComplete="current-password"
					value={passphrase}
					onChange={(event) => setPassphrase(event.target.value)}
				/>
			)}
			{work.isPending && file !== undefined && <Progress label="Opening" done={part} total={1} />}
			{work.isError && <TroubleNote trouble={troubleOf(work.error, "Restoring")} />}
			<Button kind="solid" type="submit" disabled={file === undefined && !isHex(key, 32)} busy={work.isPending && "Opening"}>
				Use this key
			</Button>
		</form>
	);
}

function ForgetForm({ onDone }: { readonly onDone: () => void }): ReactElement {
	const [sure, setSure] = useState(false);
	return (
		<div className="flex flex-col gap-4">
			<p className="text-small">What it owns stays owned by it, and what it holds stays with it. Without a copy of the key nobody can ever use either again.</p>
			<Tick label="I have a copy, or it holds nothing that I want" checked={sure} onChange={setSure} />
			<Button kind="danger" disabled={!sure} onClick={() => void forgetKey().then(onDone)}>
				Remove it
			</Button>
		</div>
	);
}
