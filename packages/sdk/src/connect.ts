/** The front door: every verb, bound to one network and one account. */
import type {
	CertificateFile,
	Hex,
	KeyBody,
	ModelBody,
	ModelListBody,
	NamespaceBody,
	NodesBody,
	Price,
	QuoteBody,
	ReceiptFile,
	TextRequest,
} from "@freehold/protocol";
import { type Closed, type CloseOptions, closeChannels } from "./channels/close.js";
import { type Opened, type OpenOptions, openChannel } from "./channels/open.js";
import { type ChannelView, showChannels } from "./channels/show.js";
import { type Client, type ConnectOptions, createClient } from "./client/client.js";
import { type Agreement, actTogether, type CoOwnerView, type OpenCoOwnerOptions, openCoOwner, payCoOwner, showCoOwner } from "./co-owners/co-owners.js";
import { type Claimed, type ClaimOptions, claimEarnings } from "./earnings/claim.js";
import { type Earnings, showEarnings } from "./earnings/show.js";
import { type FaucetOptions, faucet } from "./faucet/faucet.js";
import { type Inference, type InferOptions, infer } from "./inference/infer.js";
import { quote } from "./inference/quote.js";
import {
	acceptForKey,
	createKey,
	type KeptLicence,
	type KeyOptions,
	type KeyOwnOptions,
	listKeys,
	type MadeKey,
	type RefillOptions,
	refillKey,
	revokeKey,
} from "./keys/keys.js";
import { type AcceptedLicence, acceptLicence, type Licence, showLicence } from "./licences/licences.js";
import type { ModelAct } from "./models/acts.js";
import { certificate } from "./models/certificate.js";
import { type ListOptions, listModels, showModel } from "./models/list.js";
import { type OwnOptions, type PriceSet, type Retired, retire, setPrice, type Transferred, transfer } from "./models/own.js";
import { claimNamespace, showNamespace, transferNamespace } from "./namespaces/namespaces.js";
import { listOperators, type OperatorView, showOperator } from "./nodes/operator.js";
import { addOperatorKey, type Registered, type RegisterOptions, registerOperator, revokeOperatorKey } from "./nodes/register.js";
import { type UnbondOptions, unbond, type Withdrawn, withdrawBond } from "./nodes/unbond.js";
import { type InspectedModel, inspectModel } from "./publish/inspect.js";
import { type Published, type PublishOptions, publish } from "./publish/publish.js";
import { type RefreshOptions, refreshReceipt } from "./receipts/refresh.js";
import { type CallSplit, type SplitOptions, splitReceipt } from "./receipts/split.js";
import { type WaitedReceipt, type WaitOptions, waitForReceipt } from "./receipts/wait.js";
import { type AskOptions, askText, type CheckedText, streamText, type TextEvent } from "./text/ask.js";
import {
	type ChatAnswer,
	type ChatOptions,
	type ChatStream,
	type CompleteOptions,
	chat,
	complete,
	type Embedded,
	type EmbedOptions,
	embed,
	stream,
} from "./text/chat.js";
import { type RecoverOptions, recoverText } from "./text/recover.js";

interface Cancellable {
	readonly signal?: AbortSignal;
}

export interface Freehold {
	readonly client: Client;
	/** What an ONNX file takes and gives, without running it. */
	inspect(model: Uint8Array): InspectedModel;
	publish(options: PublishOptions): Promise<Published>;
	quote(model: string, options?: Cancellable): Promise<QuoteBody>;
	infer(model: string, options: InferOptions): Promise<Inference>;
	/** Talks to a language model; the answer is checked before it is given. */
	chat(model: string, options: ChatOptions): Promise<ChatAnswer>;
	/** The same, piece by piece; the iteration ends after the check. */
	stream(model: string, options: ChatOptions): ChatStream;
	complete(model: string, options: CompleteOptions): Promise<ChatAnswer>;
	embed(model: string, options: EmbedOptions): Promise<Embedded>;
	/** Language models in the protocol's exact form. */
	readonly text: {
		ask(model: string, request: TextRequest, options?: AskOptions): Promise<CheckedText>;
		stream(model: string, request: TextRequest, options?: AskOptions): AsyncGenerator<TextEvent, void, undefined>;
		/** What a stream that was left had come to, checked. */
		recover(callId: Hex, options?: RecoverOptions): Promise<CheckedText>;
	};
	/** API keys for programs that hold no account. */
	readonly keys: {
		create(options: KeyOptions): Promise<MadeKey>;
		list(options?: KeyOwnOptions): Promise<readonly KeyBody[]>;
		refill(id: Hex, options?: RefillOptions): Promise<KeyBody>;
		/** Keeps licences that the account accepted with the key. */
		accept(id: Hex, licences: readonly KeptLicence[], options?: KeyOwnOptions): Promise<KeyBody>;
		revoke(id: Hex, options?: KeyOwnOptions): Promise<KeyBody>;
	};
	faucet(options?: FaucetOptions): Promise<unknown>;
	readonly models: {
		list(options?: ListOptions): Promise<ModelListBody>;
		show(model: string, options?: Cancellable): Promise<ModelBody>;
		setPrice(model: string, price: Partial<Price> & Pick<Price, "perCall">, options?: OwnOptions): Promise<PriceSet>;
		retire(model: string, options?: OwnOptions): Promise<Retired>;
		/** Gives the model away; what it earned until then stays. */
		transfer(model: string, to: Hex, options?: OwnOptions): Promise<Transferred>;
		/** Proof of who published which bytes when. */
		certificate(model: string, options?: Cancellable): Promise<CertificateFile>;
	};
	readonly licences: {
		show(model: string, options?: Cancellable): Promise<Licence>;
		accept(licence: Licence): Promise<AcceptedLicence>;
	};
	readonly namespaces: {
		show(namespace: string, options?: Cancellable): Promise<NamespaceBody>;
		claim(namespace: string, options?: Cancellable): ReturnType<typeof claimNamespace>;
		transfer(namespace: string, to: Hex, options?: Cancellable): ReturnType<typeof transferNamespace>;
	};
	readonly coOwners: {
		open(options: OpenCoOwnerOptions): Promise<CoOwnerView & { readonly transaction: Hex }>;
		show(account: Hex, options?: Cancellable): Promise<CoOwnerView>;
		pay(account: Hex, options?: Cancellable): ReturnType<typeof payCoOwner>;
		act(account: Hex, act: ModelAct, options?: Cancellable): Promise<Agreement>;
	};
	readonly channels: {
		open(options: OpenOptions): Promise<Opened>;
		show(options?: Cancellable): Promise<readonly ChannelView[]>;
		close(options?: CloseOptions): Promise<readonly Closed[]>;
	};
	readonly receipts: {
		wait(callId: Hex, options?: WaitOptions): Promise<WaitedReceipt>;
		refresh(file: ReceiptFile, options?: RefreshOptions): Promise<ReceiptFile>;
		split(file: ReceiptFile, options?: SplitOptions): Promise<CallSplit>;
	};
	readonly nodes: {
		list(options?: Cancellable): Promise<NodesBody["nodes"]>;
		show(options?: { readonly operator?: Hex; readonly signal?: AbortSignal }): Promise<OperatorView>;
		register(options: RegisterOptions): Promise<Registered>;
		addKey(key: Hex, options?: Cancellable): Promise<void>;
		revokeKey(key: Hex, options?: Cancellable): Promise<void>;
		unbond(options?: UnbondOptions): Promise<OperatorView>;
		withdrawBond(options?: { readonly to?: Hex; readonly signal?: AbortSignal }): Promise<Withdrawn>;
	};
	readonly earnings: {
		show(options?: { readonly address?: Hex; readonly signal?: AbortSignal }): Promise<Earnings>;
		claim(options?: ClaimOptions): Promise<Claimed>;
	};
}

/**
 * Connects to a network. Nothing is sent before a verb is used.
 *
 * @example
 * import { connect } from "@freehold/sdk";
 * import { privateKeyToAccount } from "viem/accounts";
 *
 * const network = await (await fetch("http://127.0.0.1:8546/network.json")).json();
 * const freehold = connect({ network, account: privateKeyToAccount(key) });
 * const { outputs, receiptFile } = await freehold.infer("plus/digits", { inputs: { pixels } });
 */
export function connect(options: ConnectOptions): Freehold {
	const client = createClient(options);
	return {
		client,
		inspect: inspectModel,
		publish: (parameters) => publish(client, parameters),
		quote: (model, parameters) => quote(client, model, parameters),
		infer: (model, parameters) => infer(client, model, parameters),
		chat: (model, parameters) => chat(client, model, parameters),
		stream: (model, parameters) => stream(client, model, parameters),
		complete: (model, parameters) => complete(client, model, parameters),
		embed: (model, parameters) => embed(client, model, parameters),
		text: {
			ask: (model, request, parameters) => askText(client, model, request, parameters),
			stream: (model, request, parameters) => streamText(client, model, request, parameters),
			recover: (callId, parameters) => recoverText(client, callId, parameters),
		},
		keys: {
			create: (parameters) => createKey(client, parameters),
			list: (parameters) => listKeys(client, parameters),
			refill: (id, parameters) => refillKey(client, id, parameters),
			accept: (id, licences, parameters) => acceptForKey(client, id, licences, parameters),
			revoke: (id, parameters) => revokeKey(client, id, parameters),
		},
		faucet: (parameters) => faucet(client, parameters),
		models: {
			list: (parameters) => listModels(client, parameters),
			show: (model, parameters) => showModel(client, model, parameters),
			setPrice: (model, price, parameters) => setPrice(client, model, price, parameters),
			retire: (model, parameters) => retire(client, model, parameters),
			transfer: (model, to, parameters) => transfer(client, model, to, parameters),
			certificate: (model, parameters) => certificate(client, model, parameters),
		},
		licences: {
			show: (model, parameters) => showLicence(client, model, parameters),
			accept: (licence) => acceptLicence(client, licence),
		},
		namespaces: {
			show: (namespace, parameters) => showNamespace(client, namespace, parameters),
			claim: (namespace, parameters) => claimNamespace(client, namespace, parameters),
			transfer: (namespace, to, parameters) => transferNamespace(client, namespace, to, parameters),
		},
		coOwners: {
			open: (parameters) => openCoOwner(client, parameters),
			show: (account, parameters) => showCoOwner(client, account, parameters),
			pay: (account, parameters) => payCoOwner(client, account, parameters),
			act: (account, act, parameters) => actTogether(client, account, act, parameters),
		},
		channels: {
			open: (parameters) => openChannel(client, parameters),
			show: (parameters) => showChannels(client, parameters),
			close: (parameters) => closeChannels(client, parameters),
		},
		receipts: {
			wait: (callId, parameters) => waitForReceipt(client, callId, parameters),
			refresh: (file, parameters) => refreshReceipt(client, file, parameters),
			split: (file, parameters) => splitReceipt(client, file, parameters),
		},
		nodes: {
			list: (parameters) => listOperators(client, parameters),
			show: (parameters) => showOperator(client, parameters),
			register: (parameters) => registerOperator(client, parameters),
			addKey: (key, parameters) => addOperatorKey(client, key, parameters),
			revokeKey: (key, parameters) => revokeOperatorKey(client, key, parameters),
			unbond: (parameters) => unbond(client, parameters),
			withdrawBond: (parameters) => withdrawBond(client, parameters),
		},
		earnings: {
			show: (parameters) => showEarnings(client, parameters),
			claim: (parameters) => claimEarnings(client, parameters),
		},
	};
}
