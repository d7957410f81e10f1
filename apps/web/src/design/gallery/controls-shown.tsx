/** What people press, type into, choose from and drop on. */
import { type ReactElement, useState } from "react";
import { Button } from "../button.js";
import { Choice, TextArea, TextField, Tick } from "../field.js";
import { FileDrop } from "../file-drop.js";
import { More, Section } from "../parts.js";
import { Segments } from "../segments.js";
import { Sheet } from "../sheet.js";

const WAYS = [
	["draw", "Draw"],
	["numbers", "Numbers"],
	["json", "JSON"],
] as const;

export function ControlsShown(): ReactElement {
	const [ticked, setTicked] = useState(true);
	const [way, setWay] = useState<(typeof WAYS)[number][0]>("draw");
	const [dropped, setDropped] = useState<string>();
	const [open, setOpen] = useState<"narrow" | "wide">();
	return (
		<>
			<Section title="Buttons">
				<div className="flex flex-wrap gap-3">
					{(["solid", "outline", "quiet", "danger"] as const).map((kind) => (
						<div key={kind} className="flex flex-wrap gap-2">
							<Button kind={kind}>{kind}</Button>
							<Button kind={kind} disabled>
								disabled
							</Button>
							<Button kind={kind} busy="Working">
								busy
							</Button>
							<Button kind={kind} small icon="plus">
								small
							</Button>
						</div>
					))}
				</div>
			</Section>
			<Section title="Fields">
				<div className="grid gap-4 sm:grid-cols-2">
					<TextField label="Plain" placeholder="you/thing" hint="A hint in one sentence" />
					<TextField label="With a unit" unit="OPG" defaultValue="1.00" />
					<TextField label="With a fault" defaultValue="Ada Digits" fault="Lower-case letters, digits and hyphens" />
					<TextField label="Not now" disabled defaultValue="waiting" />
					<Choice label="Choice" defaultValue="a">
						<option value="a">Newest</option>
						<option value="b">Most asked</option>
					</Choice>
					<Choice label="Choice, not now" disabled defaultValue="a">
						<option value="a">Newest</option>
					</Choice>
					<TextArea label="Long text" hint="Markdown" />
					<TextArea label="Long text with a fault" defaultValue="{" fault="This is no JSON" />
					<Tick label="A thing to agree to" hint="And what it means" checked={ticked} onChange={setTicked} />
					<Tick label="A thing not agreed to" checked={!ticked} onChange={(next) => setTicked(!next)} />
				</div>
			</Section>
			<Section title="Choosing, opening, dropping">
				<div className="flex flex-wrap items-start gap-6">
					<Segments label="How to ask" options={WAYS} value={way} onChange={setWay} />
					<More summary="One click below">Exact terms stand here.</More>
					<More summary="Open at first" open>
						Exact terms stand here.
					</More>
					<Button onClick={() => setOpen("narrow")}>Open a dialog</Button>
					<Button onClick={() => setOpen("wide")}>Open a wide one</Button>
				</div>
				<Sheet open={open !== undefined} wide={open === "wide"} title="Put 10.80 OPG into a payment channel" onClose={() => setOpen(undefined)}>
					<p className="text-small">What happens on yes, in plain words.</p>
				</Sheet>
				<div className="mt-5 grid items-start gap-4 lg:grid-cols-3">
					<FileDrop
						label="A file"
						invitation={dropped ?? "Drop a file here"}
						action="Choose a file"
						icon="file"
						accept="*"
						small={false}
						onFile={({ name }) => setDropped(name)}
					/>
					<FileDrop label="Another file" invitation="model.onnx" action="Choose another" icon="models" accept="*" small onFile={() => undefined} />
					<FileDrop label="No file now" invitation="model.onnx" action="Choose another" icon="models" accept="*" small disabled onFile={() => undefined} />
				</div>
			</Section>
		</>
	);
}
