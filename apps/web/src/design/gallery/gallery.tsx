/** Every component in every state, on one page: where the design is looked at and tested. */
import type { ReactElement } from "react";
import { RoomHead } from "../parts.js";
import { ControlsShown } from "./controls-shown.js";
import { DrawingsShown } from "./drawings-shown.js";
import { StatesShown } from "./states-shown.js";
import { TokensShown } from "./tokens-shown.js";
import { ValuesShown } from "./values-shown.js";

export function Gallery(): ReactElement {
	return (
		<>
			<RoomHead title="Design">
				Tokens and components as the rooms use them, in every state. A land register: chalk paper, ink, and parcels with a wash inside and an edge around.
			</RoomHead>
			<TokensShown />
			<ControlsShown />
			<ValuesShown />
			<DrawingsShown />
			<StatesShown />
		</>
	);
}
