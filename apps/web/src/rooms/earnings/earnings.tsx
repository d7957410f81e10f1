/** What an owner earned, from where, and that the chain says the same; taking it out. */
import type { EarningsBody, Hex } from "@freehold/protocol";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, type ReactElement, Suspense, useMemo, useState } from "react";
import { addressOf, useSession } from "../../account/session.js";
import { requireAccount } from "../../account/starting.js";
import { Button, buttonClass } from "../../design/button.js";
import { Icon } from "../../design/icon.js";
import { More, RoomHead, Section, Stat } from "../../design/parts.js";
import { Empty, Note, Skeleton, TroubleNote } from "../../design/states.js";
import { Table } from "../../design/table.js";
import { Amount, Count, Hash } from "../../design/values.js";
import { exactOpg, shortOpg } from "../../format/amount.js";
import { freeholdOf } from "../../network/freehold.js";
import { earningsQuery, networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { saveText } from "../../receipt/save.js";
import { earningsCsv } from "./csv.js";

const DayChart = lazy(() => import("../../design/day-chart.js").then(({ DayChart }) => ({ default: DayChart })));
/** Rows of days that are drawn; the rest is in the file. */
const MOST_DAYS_SHOWN = 500;
const UNIT = 1e18;
const chartOpg = (value: number): string => shortOpg(BigInt(Math.round(value * 1e6)) * 10n ** 12n);

export function Earnings(): ReactElement {
	const address = addressOf(useSession());
	if (address === undefined)
		return (
			<>
				<RoomHead title="Earnings">What your models earn, from whom and when.</RoomHead>
				<Empty
					title="Nobody is here yet"
					action={
						<Button kind="solid" icon="key" onClick={() => void requireAccount().catch(() => undefined)}>
							Make or open a key
						</Button>
					}
				>
					Earnings belong to an account. Make one, publish a model, and what it earns shows here.
				</Empty>
			</>
		);
	return <Of address={address} />;
}

function Of({ address }: { readonly address: Hex }): ReactElement {
	const client = useQueryClient();
	const query = useQuery(earningsQuery(address));
	const claim = useMutation({
		mutationFn: async () => {
			await requireAccount();
			const freehold = await freeholdOf(await client.ensureQueryData(networkQuery));
			return freehold.earnings.claim();
		},
		onSettled: () => {
			void client.invalidateQueries({ queryKey: ["earnings"] });
			void client.invalidateQueries({ queryKey: ["balance"] });
		},
	});
	const body = query.data;
	const waiting = body === undefined ? 0n : BigInt(body.claimable) + BigInt(body.upstream);
	return (
		<>
			<RoomHead
				title="Earnings"
				action={
					body && (
						<div className="flex flex-wrap gap-2.5">
							<Button
								icon="download"
								disabled={(body.byDay?.length ?? 0) === 0}
								onClick={() => saveText(`earnings-${address.slice(2, 10)}.csv`, earningsCsv(body), "text/csv")}
							>
								CSV
							</Button>
							<Button kind="solid" disabled={waiting === 0n} busy={claim.isPending && "Taking it out"} onClick={() => claim.mutate()}>
								Take it out
							</Button>
						</div>
					)
				}
			>
				What your models earn, from whom and when. <Hash value={address} label="your address" />
			</RoomHead>
			{claim.isError && <TroubleNote className="mb-4" trouble={troubleOf(claim.error, "Taking it out")} retry={() => claim.mutate()} />}
			{claim.isSuccess && (
				<Note tone="good" icon="check" className="mb-4">
					<span role="status">
						<Amount value={claim.data.royalties + claim.data.credit} className="font-semibold" /> is in your balance now.
						{claim.data.transactions.map((transaction) => (
							<Hash key={transaction} value={transaction} label="transaction" className="ml-2" />
						))}
					</span>
				</Note>
			)}
			{body === undefined ? (
				query.isError ? (
					<TroubleNote trouble={troubleOf(query.error, "Reading your earnings")} retry={() => void query.refetch()} />
				) : (
					<Skeleton lines={6} label="Reading your earnings" />
				)
			) : (
				<Figures body={body} address={address} />
			)}
		</>
	);
}

function Figures({ body, address }: { readonly body: EarningsBody; readonly address: Hex }): ReactElement {
	const total = body.byModel.reduce((sum, { net }) => sum + BigInt(net), 0n);
	const days = useMemo(() => sumDays(body), [body]);
	const values = useMemo(() => days.map(({ day, total: sum }) => ({ day, value: Number(sum) / UNIT, exact: exactOpg(sum) })), [days]);
	return (
		<>
			<div className="grid grid-cols-2 gap-x-8 gap-y-5 border-y border-line py-5 md:grid-cols-4">
				<Stat label="Earned in all">
					<Amount value={total} />
				</Stat>
				<Stat label="To be taken out" note="yours at any time">
					<Amount value={body.claimable} />
				</Stat>
				<Stat label="On its way" note="from descendants, moved on when taken out">
					<Amount value={body.upstream} />
				</Stat>
				<Stat label="Taken out before">
					<Amount value={body.claimed} />
				</Stat>
			</div>
			<Reconciliation body={body} address={address} total={total} />
			{body.byModel.length === 0 ? (
				<div className="mt-8">
					<Empty
						title="You own no model yet"
						action={
							<Link to="/publish" className={buttonClass("solid", true)}>
								Publish one
							</Link>
						}
					>
						Whatever is asked of it is credited to you within one batch, and you can take it out without asking anyone.
					</Empty>
				</div>
			) : (
				<>
					<Section title="By model">
						<Table
							label="Earnings by model"
							columns={["Model", "Asked", "Direct", "From descendants", "Together"]}
							rows={body.byModel.map(({ model, calls, direct, fromDescendants, net }) => {
								const [namespace = "", name = ""] = model.split("/");
								return {
									key: model,
									cells: [
										<Link key="m" to="/models/$namespace/$name" params={{ namespace, name }} className="no-underline hover:underline">
											{model}
										</Link>,
										<Count key="c" value={calls} unit={["call", "calls"]} />,
										<Amount key="d" value={direct} />,
										<Amount key="f" value={fromDescendants} />,
										<Amount key="n" value={net} className="font-semibold" />,
									],
								};
							})}
						/>
					</Section>
					<Section title="By day" aside="UTC, in OPG">
						{days.length === 0 ? (
							<Empty title="Nothing earned yet">The first call shows here the moment that the chain has it.</Empty>
						) : (
							<>
								<div className="card p-3">
									<Suspense fallback={<div className="h-[190px]" />}>
										<DayChart days={values} label={`Earnings by day, ${days.length} days; the table below has the same figures`} format={chartOpg} />
									</Suspense>
								</div>
								<div className="mt-2">
									<More summary="By release and day, as a table" open={days.length < 8}>
										<Table
											label="Earnings by release and day"
											className="max-w-3xl"
											texts={2}
											columns={["Day", "Release", "Direct", "From descendants"]}
											rows={(body.byDay ?? []).slice(0, MOST_DAYS_SHOWN).map(({ day, release, model, direct, fromDescendants }) => ({
												key: `${day}${release}`,
												cells: [
													day,
													<span key="r" data-exact={release}>
														{model}
													</span>,
													<Amount key="d" value={direct} />,
													<Amount key="f" value={fromDescendants} />,
												],
											}))}
										/>
										{(body.byDay ?? []).length > MOST_DAYS_SHOWN && (
											<p className="mt-2 text-small text-soft">The newest {MOST_DAYS_SHOWN} rows; the CSV file has all of them.</p>
										)}
									</More>
								</div>
							</>
						)}
					</Section>
				</>
			)}
		</>
	);
}

/** The hub counts; the contract owes. This tab reads the contract itself, at the same block, and holds one against the other. */
function Reconciliation({ body, address, total }: { readonly body: EarningsBody; readonly address: Hex; readonly total: bigint }): ReactElement | null {
	const client = useQueryClient();
	const [opened, setOpened] = useState(false);
	const chain = useQuery({
		queryKey: ["claimable", address, body.height],
		queryFn: async ({ signal }) => {
			const [freehold, { contracts }] = await Promise.all([client.ensureQueryData(networkQuery).then(freeholdOf), import("@freehold/sdk/chain")]);
			return freehold.client.chain.read(contracts.Royalties, "claimable", [address], { block: BigInt(body.height), signal });
		},
		staleTime: Number.POSITIVE_INFINITY,
		placeholderData: (before) => before,
		enabled: total > 0n || opened,
	});
	if (total === 0n) return null;
	const expected = total - BigInt(body.claimed);
	const agrees = chain.data !== undefined && chain.data === BigInt(body.claimable) && chain.data === expected;
	return (
		<div className="mt-4 flex items-baseline gap-x-2 text-small" onPointerEnter={() => setOpened(true)} data-testid="reconciled" data-agrees={agrees}>
			{chain.data === undefined ? (
				<span className="text-soft">{chain.isError ? "The chain could not be asked just now." : "Holding it against the chain…"}</span>
			) : agrees ? (
				<>
					<Icon name="check" size={16} className="translate-y-0.5 text-good" />
					<span>
						Agrees with the chain to the unit at block {body.height.toLocaleString("en")}: <Amount value={total} /> earned, less <Amount value={body.claimed} />{" "}
						taken out, is the <Amount value={chain.data} /> that the contract owes you.
					</span>
				</>
			) : (
				<span className="text-warn">
					The hub counts <Amount value={expected} />, the contract owes <Amount value={chain.data} /> at block {body.height.toLocaleString("en")}. The
					contract's figure is the one that counts.
				</span>
			)}
		</div>
	);
}

function sumDays({ byDay = [] }: EarningsBody): readonly { readonly day: string; readonly total: bigint }[] {
	const sums = new Map<string, bigint>();
	for (const { day, direct, fromDescendants } of byDay) sums.set(day, (sums.get(day) ?? 0n) + BigInt(direct) + BigInt(fromDescendants));
	return [...sums].map(([day, total]) => ({ day, total })).sort((a, b) => a.day.localeCompare(b.day));
}
