/** The rooms that a phone's bar has no place for. */
import { Link } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { Icon } from "../design/icon.js";
import { Sheet } from "../design/sheet.js";
import type { rooms as allRooms } from "./rooms.js";

export function MoreRooms({ rooms, onClose }: { readonly rooms: readonly (typeof allRooms)[number][]; readonly onClose: () => void }): ReactElement {
	return (
		<Sheet open title="More rooms" onClose={onClose}>
			<ul className="flex flex-col">
				{rooms.map(({ path, label, icon }) => (
					<li key={path}>
						<Link to={path} onClick={onClose} className="flex min-h-12 items-center gap-3 rounded-lg px-2 font-medium no-underline hover:bg-sunken">
							<Icon name={icon} size={20} />
							{label}
						</Link>
					</li>
				))}
			</ul>
		</Sheet>
	);
}
