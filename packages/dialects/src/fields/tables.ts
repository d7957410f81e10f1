/** Every field of every route, and what becomes of it: one table that the readers, the documentation and the tests share. */

export interface Field {
	/**
	 * `honoured`: it shapes the answer as the client's documentation says. `passed`: it is taken and cannot change the answer. `refused`: asking for it is an
	 * error, unless the value asks for nothing.
	 */
	readonly treatment: "honoured" | "passed" | "refused";
	readonly note: string;
	/** Values of a refused field that ask for nothing; null and an absent field never do. */
	readonly neutral?: readonly unknown[];
}

export type FieldTable = Readonly<Record<string, Field>>;

const honoured = (note: string): Field => ({ treatment: "honoured", note });
const passed = (note: string): Field => ({ treatment: "passed", note });
const refused = (note: string, ...neutral: readonly unknown[]): Field => ({ treatment: "refused", note, neutral });

const sampling = {
	temperature: honoured("0 to 2; default 0, as OpenGradient's gateway has it, and 1 where several answers are drawn"),
	top_p: honoured("0 to 1; default 1"),
	frequency_penalty: honoured("-2 to 2"),
	presence_penalty: honoured("-2 to 2"),
	seed: honoured("any whole number, modulo 2³²; drawn by the gateway when absent, and in the receipt either way"),
	stop: honoured("up to 16 texts"),
	n: honoured("answers to draw, up to 16"),
	top_k: honoured("of llama.cpp and vLLM; 0 is no bound"),
	min_p: honoured("of llama.cpp and vLLM"),
	logit_bias: refused("token numbers differ between models", {}),
} satisfies FieldTable;

const streaming = {
	stream: honoured("server-sent events"),
	stream_options: honoured("`include_usage`; `include_obfuscation` is refused unless false"),
} satisfies FieldTable;

const housekeeping = {
	user: passed("names your end user to you; it is not sent to the model"),
	metadata: passed("your own notes; Responses gives them back"),
	safety_identifier: passed("as `user`"),
	prompt_cache_key: passed("calls with the same beginning go to the same node anyway"),
	prompt_cache_retention: passed("a hint about caches"),
	prompt_cache_options: passed("a hint about caches"),
	service_tier: refused("there is one tier", "auto", "default"),
	moderation: refused("no moderation model runs here"),
} satisfies FieldTable;

const chat: FieldTable = {
	model: honoured("`namespace/name`, `namespace/name@major.minor`, a release id, or a name alone where only one model has it"),
	messages: honoured("system, developer, user, assistant and tool; text and images as `data:` URIs"),
	...sampling,
	max_tokens: honoured("default 4,096 or what the model holds"),
	max_completion_tokens: honoured("the same by its newer name; it wins"),
	logprobs: honoured("log-probabilities of the answer's tokens"),
	top_logprobs: honoured("0 to 20 alternatives"),
	tools: honoured("functions; other kinds are refused"),
	tool_choice: honoured("`auto`, `none`, `required` or one function"),
	parallel_tool_calls: honoured("default true"),
	response_format: honoured("`text`, `json_object`, `json_schema`"),
	reasoning_effort: honoured("minimal, low, medium, high; `none` asks for none"),
	...streaming,
	user: housekeeping.user,
	metadata: housekeeping.metadata,
	safety_identifier: housekeeping.safety_identifier,
	prompt_cache_key: housekeeping.prompt_cache_key,
	prompt_cache_retention: housekeeping.prompt_cache_retention,
	prompt_cache_options: housekeeping.prompt_cache_options,
	service_tier: housekeeping.service_tier,
	moderation: housekeeping.moderation,
	audio: refused("models here write text"),
	modalities: refused("models here write text", ["text"]),
	prediction: refused("speculation over a given text is not offered"),
	store: refused("nothing is kept for a later request", false),
	verbosity: refused("say it in the messages", "medium"),
	web_search_options: refused("models here do not search the web"),
	function_call: refused("use `tool_choice`", "auto", "none"),
	functions: refused("use `tools`", []),
	web_search: refused("OpenGradient's: models here do not search the web", false),
	aspect_ratio: refused("OpenGradient's: models here do not draw"),
};

const completion: FieldTable = {
	model: chat["model"] as Field,
	prompt: honoured("one text; lists of tokens are refused, since token numbers differ between models"),
	suffix: honoured("text after the gap, for models that fill one"),
	echo: honoured("begin the answer with the prompt"),
	...sampling,
	max_tokens: honoured("default 16"),
	logprobs: honoured("0 to 5 alternatives, with each token's own"),
	...streaming,
	user: housekeeping.user,
	best_of: refused("every answer drawn is given back", 1),
	web_search: refused("OpenGradient's: models here do not search the web", false),
};

const embedding: FieldTable = {
	model: chat["model"] as Field,
	input: honoured("a text or a list of texts; lists of tokens are refused"),
	dimensions: honoured("where the model can shorten its vectors"),
	encoding_format: honoured("`float` or `base64`"),
	user: housekeeping.user,
};

const response: FieldTable = {
	model: chat["model"] as Field,
	input: honoured("a text, or messages, function calls and their outputs; reasoning items of earlier answers are passed over"),
	instructions: honoured("becomes the first system message"),
	temperature: sampling.temperature,
	top_p: sampling.top_p,
	max_output_tokens: chat["max_tokens"] as Field,
	tools: chat["tools"] as Field,
	tool_choice: chat["tool_choice"] as Field,
	parallel_tool_calls: chat["parallel_tool_calls"] as Field,
	text: honoured("`format`; `verbosity` is refused unless medium"),
	reasoning: honoured("`effort`; summaries are refused"),
	include: honoured("`message.output_text.logprobs`; `reasoning.encrypted_content` is passed over; others are refused"),
	top_logprobs: chat["top_logprobs"] as Field,
	stream: streaming.stream,
	stream_options: honoured("`include_obfuscation` is refused unless false"),
	...housekeeping,
	background: refused("an answer is given in the request that asks for it", false),
	conversation: refused("nothing is kept for a later request: send the conversation"),
	previous_response_id: refused("nothing is kept for a later request: send the conversation"),
	prompt: refused("no prompts are kept here"),
	store: refused("nothing is kept for a later request", false),
	truncation: refused("what a model cannot hold is refused in words, not cut", "disabled"),
	context_management: refused("what a model cannot hold is refused in words, not cut", []),
	max_tool_calls: refused("models here call your functions only"),
};

const countable: FieldTable = {
	model: chat["model"] as Field,
	messages: honoured("user and assistant; text, images in base64, tool use and results; thinking of earlier answers is passed over"),
	system: honoured("text or text blocks"),
	tools: honoured("tools of your own; Anthropic's are refused"),
	tool_choice: honoured("`auto`, `any`, `tool`, `none`, with `disable_parallel_tool_use`"),
	thinking: refused("say it with `output_config.effort`", { type: "disabled" }),
	output_config: honoured("`effort` low, medium, high; `format` with a JSON schema"),
	cache_control: passed("calls with the same beginning go to the same node anyway"),
	speed: refused("there is one speed", "standard"),
	user_profile_id: passed("names your end user to you"),
	workspace_id: passed("your own bookkeeping"),
};

const message: FieldTable = {
	...countable,
	max_tokens: honoured("needed"),
	stop_sequences: honoured("up to 16 texts"),
	temperature: honoured("0 to 1; default 0"),
	top_p: sampling.top_p,
	top_k: honoured("0 is no bound"),
	stream: streaming.stream,
	metadata: passed("`user_id` names your end user to you"),
	service_tier: refused("there is one tier", "auto", "standard_only"),
	container: refused("no code runs here"),
	mcp_servers: refused("tools run at your side", []),
	context_management: refused("what a model cannot hold is refused in words, not cut"),
	inference_geo: refused("choose a gateway and its nodes instead", "global"),
	diagnostics: refused("the receipt tells what is known of an answer"),
};

export const fieldTables = {
	"POST /v1/chat/completions": chat,
	"POST /v1/completions": completion,
	"POST /v1/embeddings": embedding,
	"POST /v1/responses": response,
	"POST /v1/messages": message,
	"POST /v1/messages/count_tokens": countable,
} as const satisfies Readonly<Record<string, FieldTable>>;
