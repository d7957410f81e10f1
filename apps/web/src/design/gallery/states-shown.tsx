/** When there is nothing yet, when something is awaited, when something went wrong. */
import type { ReactElement } from "react";
import { Button } from "../button.js";
import { Section } from "../parts.js";
import { Empty, Note, Progress, Skeleton, TroubleNote } from "../states.js";

export function StatesShown(): ReactElement {
	return (
		<Section title="States">
			<div className="grid gap-4 lg:grid-cols-2">
				<Empty
					title="Nothing here yet"
					action={
						<Button kind="solid" small>
							Begin
						</Button>
					}
				>
					What would be here, and how to bring it about.
				</Empty>
				<Empty title="Nothing matches">Said without anything to do about it.</Empty>
				<div className="flex flex-col gap-4">
					<TroubleNote
						trouble={{ title: "Asking did not work", detail: "The gateway did not answer within 15 s.", code: "upstream.timeout", retryable: true }}
						retry={() => undefined}
					/>
					<TroubleNote trouble={{ title: "This file was not checked", detail: "It is larger than a receipt can be.", retryable: false }} />
					<Note>A plain note.</Note>
					<Note tone="good" icon="check">
						Something went well.
					</Note>
					<Note tone="warn">Something to think about first.</Note>
					<Progress label="Nothing sent yet" done={0} total={59} />
					<Progress label="2.4 MB of 5.9 MB" done={24} total={59} />
					<Progress label="All sent" done={59} total={59} />
					<Skeleton lines={3} />
				</div>
			</div>
		</Section>
	);
}
