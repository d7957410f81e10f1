/** How a program uses a key: to be copied as it stands. */
import { useQuery } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { CopyButton } from "../../design/copy-button.js";
import { Segments } from "../../design/segments.js";
import { talkersQuery } from "../../network/queries.js";

const WAYS = [
	["javascript", "JavaScript"],
	["python", "Python"],
	["shell", "Shell"],
] as const;
type Way = (typeof WAYS)[number][0];

const PLACEHOLDER = "fhk_…";

/** Without a key a placeholder stands in its place. */
export function Snippets({ apiKey = PLACEHOLDER }: { readonly apiKey: string | undefined }): ReactElement {
	const [way, setWay] = useState<Way>("javascript");
	const model = useQuery(talkersQuery).data?.[0] ?? "freehold/chat";
	const text = SNIPPETS[way](`${location.origin}/v1`, apiKey, model);
	return (
		<div className="max-w-2xl">
			<div className="mb-2 flex flex-wrap items-center justify-between gap-3">
				<Segments label="Language" options={WAYS} value={way} onChange={setWay} />
				<CopyButton text={text} label="the example" />
			</div>
			<pre role="region" aria-label="Example" tabIndex={0} data-testid="snippet" className="overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-fine">
				{text}
			</pre>
		</div>
	);
}

const SNIPPETS: Readonly<Record<Way, (url: string, key: string, model: string) => string>> = {
	javascript: (url, key, model) => `import OpenAI from "openai";

const openai = new OpenAI({ baseURL: "${url}", apiKey: "${key}" });
const answer = await openai.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);
`,
	python: (url, key, model) => `from openai import OpenAI

client = OpenAI(base_url="${url}", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)
`,
	shell: (url, key, model) => `curl ${url}/chat/completions \\
  -H "authorization: Bearer ${key}" \\
  -H "content-type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'
`,
};
