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
import { Amount, Count, Hash } from "../../design/values.js";
import { shortOpg } from "../../format/amount.js";
import { freeholdOf } from "../../network/freehold.js";
import { earningsQuery, networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { saveText } from "../../receipt/save.js";
import { earningsCsv } from "./csv.js";

const DayChart = lazy(() => import("../../design/day-chart.js").then(({ DayChart }) => ({ default: DayChart })));
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
	const values = useMemo(() => days.map(({ day, total: sum }) => ({ day, value: Number(sum) / UNIT })), [days]);
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
						<div className="card overflow-x-auto" tabIndex={0} role="region" aria-label="Earnings by model">
							<table className="w-full min-w-[38rem] text-small">
								<thead>
									<tr className="border-b border-line text-left text-soft">
										<th scope="col" className="px-4 py-2 font-medium">
											Model
										</th>
										<th scope="col" className="px-4 py-2 text-right font-medium">
											Asked
										</th>
										<th scope="col" className="px-4 py-2 text-right font-medium">
											Direct
										</th>
										<th scope="col" className="px-4 py-2 text-right font-medium">
											From descendants
										</th>
										<th scope="col" className="px-4 py-2 text-right font-medium">
											Together
										</th>
									</tr>
								</thead>
								<tbody>
									{body.byModel.map(({ model, calls, direct, fromDescendants, net }) => {
										const [namespace = "", name = ""] = model.split("/");
										return (
											<tr key={model} className="border-b border-line last:border-0">
												<th scope="row" className="px-4 py-2.5 text-left font-semibold">
													<Link to="/models/$namespace/$name" params={{ namespace, name }} className="no-underline hover:underline">
														{model}
													</Link>
												</th>
												<td className="px-4 py-2.5 text-right">
													<Count value={calls} unit={["call", "calls"]} />
												</td>
												<td className="px-4 py-2.5 text-right">
													<Amount value={direct} />
												</td>
												<td className="px-4 py-2.5 text-right">
													<Amount value={fromDescendants} />
												</td>
												<td className="px-4 py-2.5 text-right font-semibold">
													<Amount value={net} />
												</td>
											</tr>
										);
									})}
								</tbody>
							</table>
						</div>
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
										<table className="w-full max-w-3xl text-small">
											<thead>
												<tr className="border-b border-line text-left text-soft">
													<th scope="col" className="py-1.5 font-medium">
														Day
													</th>
													<th scope="col" className="py-1.5 font-medium">
														Release
													</th>
													<th scope="col" className="py-1.5 text-right font-medium">
														Direct
													</th>
													<th scope="col" className="py-1.5 text-right font-medium">
														From descendants
													</th>
												</tr>
											</thead>
											<tbody>
												{(body.byDay ?? []).slice(0, 500).map(({ day, release, model, direct, fromDescendants }) => (
													<tr key={`${day}${release}`} className="border-b border-line">
														<td className="py-1.5">{day}</td>
														<td className="py-1.5" data-exact={release}>
															{model}
														</td>
														<td className="py-1.5 text-right">
															<Amount value={direct} />
														</td>
														<td className="py-1.5 text-right">
															<Amount value={fromDescendants} />
														</td>
													</tr>
												))}
											</tbody>
										</table>
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
		<div className="mt-4 flex flex-wrap items-baseline gap-x-2 text-small" onPointerEnter={() => setOpened(true)} data-testid="reconciled" data-agrees={agrees}>
			{chain.data === undefined ? (
				<span className="text-soft">{chain.isError ? "The chain could not be asked just now." : "Holding it against the chain…"}</span>
			) : agrees ? (
				<>
					<Icon name="check" size={16} className="self-center text-good" />
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
