import { expect, it } from "vitest";
import { earningsCsv } from "./csv.js";

it("writes exact amounts, quotes what needs it, and defuses formulas", () => {
	const text = earningsCsv({ byDay: [{ day: "2026-11-21", model: '=SUM(1,"x")', release: "0x01", direct: "1", fromDescendants: "1000000000000000000" }] });
	expect(text).toBe(
		'day,model,release,direct_opg,from_descendants_opg,total_opg\r\n2026-11-21,"\'=SUM(1,""x"")",0x01,0.000000000000000001,1.00,1.000000000000000001\r\n',
	);
});
