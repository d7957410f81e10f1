/** What stays while rooms change: the rail (at the bottom on phones), who is at the page, whether the network answers, and the dialog before a signature. */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { lazy, type ReactElement, Suspense, useEffect, useRef, useState } from "react";
import { useQuestion } from "../account/consent.js";
import { addressOf, useSession } from "../account/session.js";
import { useStart } from "../account/starting.js";
import { ExactTip } from "../design/exact-tip.js";
import { Icon, Mark } from "../design/icon.js";
import { Amount } from "../design/values.js";
import { shortHash } from "../format/hash.js";
import { balanceQuery, networkQuery } from "../network/queries.js";
import { NetworkNotice } from "./network-notice.js";
import { pocketOf } from "./pocket.js";
import { rooms } from "./rooms.js";
import { useTheme } from "./theme.js";

const StartSheet = lazy(() => import("../account/start-sheet.js").then(({ StartSheet }) => ({ default: StartSheet })));
const ConsentSheet = lazy(() => import("../account/consent-sheet.js").then(({ ConsentSheet }) => ({ default: ConsentSheet })));

const MoreRooms = lazy(() => import("./more-rooms.js").then(({ MoreRooms }) => ({ default: MoreRooms })));

export function Frame(): ReactElement {
	const question = useQuestion();
	const start = useStart();
	return (
		<div className="lg:grid lg:grid-cols-[14.5rem_minmax(0,1fr)]">
			<a href="#room" className="sr-only z-80 rounded-lg bg-field px-4 py-2 text-field-ink focus:not-sr-only focus:fixed focus:top-3 focus:left-3">
				Skip to the room
			</a>
			<Rail />
			<div className="min-w-0">
				<PhoneBar />
				<NetworkNotice />
				<Room />
			</div>
			<Pocket />
			<ExactTip />
			{start && (
				<Suspense fallback={null}>
					<StartSheet start={start} />
				</Suspense>
			)}
			{question && (
				<Suspense fallback={null}>
					<ConsentSheet question={question} />
				</Suspense>
			)}
		</div>
	);
}

/** On a change of rooms the focus goes to the new one, so that keyboards and screen readers begin there. */
function Room(): ReactElement {
	const path = useRouterState({ select: (state) => state.location.pathname });
	const main = useRef<HTMLElement>(null);
	const first = useRef(true);
	// biome-ignore lint/correctness/useExhaustiveDependencies: the path is what changes.
	useEffect(() => {
		if (first.current) first.current = false;
		else main.current?.focus({ preventScroll: true });
	}, [path]);
	return (
		<main ref={main} id="room" tabIndex={-1} className="mx-auto w-full max-w-6xl px-4 pt-6 pb-28 outline-none sm:px-8 lg:px-12 lg:pt-11 lg:pb-20">
			<Outlet />
		</main>
	);
}

function Rail(): ReactElement {
	return (
		<aside className="sticky top-0 hidden h-dvh flex-col border-r border-line bg-surface/60 px-4 py-6 lg:flex">
			<Link to="/" className="mb-8 flex items-center gap-2.5 px-2 no-underline" aria-label="Freehold, home">
				<Mark />
				<span className="font-display text-[1.3rem] font-bold tracking-tight">Freehold</span>
			</Link>
			<nav aria-label="Rooms" className="-mx-1 flex min-h-0 flex-col gap-0.5 overflow-y-auto p-1">
				{rooms.map(({ path, label, icon, group }, index) => (
					<Link
						key={path}
						to={path}
						activeOptions={{ exact: path === "/" }}
						className={`flex min-h-10 items-center gap-3 rounded-lg px-3 text-small font-medium text-soft no-underline hover:bg-sunken hover:text-ink ${group !== rooms[index - 1]?.group && index > 0 ? "mt-4" : ""}`}
						activeProps={{ className: "bg-field-wash !text-ink font-semibold", "aria-current": "page" }}
					>
						<Icon name={icon} />
						{label}
					</Link>
				))}
			</nav>
			<div className="mt-auto flex flex-col gap-3">
				<AccountChip />
				<div className="flex items-center justify-between px-2">
					<NetworkName />
					<ThemeButton />
				</div>
			</div>
		</aside>
	);
}

function PhoneBar(): ReactElement {
	return (
		<header className="sticky top-0 z-30 flex items-center justify-between gap-3 border-b border-line bg-paper/92 px-4 py-2 backdrop-blur-sm lg:hidden">
			<Link to="/" className="flex items-center gap-2 no-underline" aria-label="Freehold, home">
				<Mark size={24} />
				<span className="font-display text-lead font-bold tracking-tight">Freehold</span>
			</Link>
			<div className="flex min-w-0 items-center gap-1">
				<ThemeButton />
				<AccountChip compact />
			</div>
		</header>
	);
}

const PLACE = "flex min-h-14 flex-col items-center justify-center gap-0.5 text-[0.72rem] font-medium text-soft no-underline";

function Pocket(): ReactElement {
	const { shown, more } = pocketOf(rooms);
	const [open, setOpen] = useState(false);
	return (
		<nav
			aria-label="Rooms"
			className="fixed inset-x-0 bottom-0 z-30 grid auto-cols-fr grid-flow-col border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] lg:hidden"
		>
			{shown.map(({ path, label, icon }) => (
				<Link
					key={path}
					to={path}
					activeOptions={{ exact: path === "/" }}
					className={PLACE}
					activeProps={{ className: "!text-good font-semibold", "aria-current": "page" }}
				>
					<Icon name={icon} size={20} />
					{label}
				</Link>
			))}
			{more.length > 0 && (
				<button type="button" aria-expanded={open} onClick={() => setOpen(true)} className={PLACE}>
					<Icon name="more" size={20} />
					More
				</button>
			)}
			{open && (
				<Suspense fallback={null}>
					<MoreRooms rooms={more} onClose={() => setOpen(false)} />
				</Suspense>
			)}
		</nav>
	);
}

function AccountChip({ compact }: { readonly compact?: boolean }): ReactElement {
	const session = useSession();
	const address = addressOf(session);
	const balance = useQuery({ ...balanceQuery(address ?? "0x"), enabled: address !== undefined });
	return (
		<Link
			to="/account"
			className={`flex min-w-0 items-center gap-2.5 rounded-lg border border-line bg-surface no-underline hover:border-edge ${compact ? "min-h-10 px-2.5" : "min-h-12 px-3 py-1.5"}`}
		>
			<Icon name={session.kind === "locked" ? "key" : "account"} className="text-soft" />
			{address !== undefined && <span className="sr-only">Account </span>}
			{address === undefined ? (
				<span className="text-small font-medium">{compact ? "Account" : "No account yet"}</span>
			) : (
				<span className="min-w-0 leading-tight">
					{balance.data === undefined ? (
						<span className="text-small font-medium">{session.kind === "locked" ? "Locked" : "Account"}</span>
					) : (
						<Amount value={balance.data} className="block text-small font-semibold" />
					)}
					{!compact && <span className="block truncate font-mono text-fine text-soft">{shortHash(address)}</span>}
				</span>
			)}
		</Link>
	);
}

function NetworkName(): ReactElement {
	const { data, isError } = useQuery(networkQuery);
	return (
		<span
			className="flex items-center gap-2 text-fine text-soft"
			data-exact={data === undefined ? undefined : `chain ${data.chainId}, ${data.checkpoint.kind === "sequencer" ? "one operator" : "validators"}`}
		>
			<span className={`size-2 rounded-full ${isError ? "bg-bad" : data === undefined ? "bg-edge" : "bg-field"}`} aria-hidden="true" />
			{isError ? "No answer" : data === undefined ? "Connecting" : `${data.name} network`}
		</span>
	);
}

function ThemeButton(): ReactElement {
	const [theme, toggle] = useTheme();
	return (
		<button
			type="button"
			onClick={toggle}
			aria-label={theme === "dark" ? "Light colours" : "Dark colours"}
			className="rounded-lg p-2.5 text-soft hover:bg-sunken hover:text-ink"
		>
			<Icon name={theme === "dark" ? "sun" : "moon"} />
		</button>
	);
}
