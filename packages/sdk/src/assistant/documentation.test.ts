import { expect, it } from "vitest";
import { searchDocumentation } from "./documentation.js";

it.each([
	["What is a till?", /till/i],
	["how are royalties divided", /royalt|ancestor|divid|parent/i],
	["payment.required", /payment\.required|402/],
	["recipt verfy", /receipt verify|receipt/i],
	["How do I join with a node?", /node register|node run|nodes?/i],
	["hugging face", /Hugging Face/],
	["What does the light client check?", /light|header/i],
])("%s is found", async (question, expected) => {
	const [best] = await searchDocumentation(question, 2);
	expect(`${best?.title}: ${best?.text}`).toMatch(expected);
	expect(best?.page).toMatch(/\.md$/);
});

it("finds nothing for words that no page has, and none for no words", async () => {
	expect(await searchDocumentation("zyxwvqk", 2)).toEqual([]);
	expect(await searchDocumentation("what is the", 2)).toEqual([]);
	expect(await searchDocumentation("", 2)).toEqual([]);
	expect((await searchDocumentation("receipt ".repeat(10_000), 3)).length).toBeLessThanOrEqual(3);
});
