"""What the model can say about the network without looking it up. Each answer is the short form of a page of this repository.

The last question of each entry is kept out of training: it is one that the test asks.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """`title` names the entry in search results; `answer` is what the model says; `asks` are questions, the last one held out."""

    title: str
    answer: str
    asks: tuple[str, ...]

    @property
    def trained(self) -> tuple[str, ...]:
        return self.asks[:-1]

    @property
    def held_out(self) -> str:
        return self.asks[-1]


def term(word: str, answer: str, *more: str, article: str = "a") -> Entry:
    """A thing with a name: the usual ways to ask what it is, and `more` of its own; the held-out question is a usual one in other words."""
    named = f"{article} {word}".strip()
    usual = (
        f"What is {named}?",
        f"what is {named}",
        f"What's {named}?",
        f"Explain {named}.",
        f"Explain {word}.",
        f"What does {word} mean?",
        f"Define {word}.",
        f"Tell me about {word}.",
        f"Can you explain what {named} is?",
        f"I do not understand {word}.",
        f"{word}?",
        f"Please explain {named} to me.",
    )
    return Entry(word, answer, (*usual, *more, f"Could you tell me what {named} is?"))


def way(action: str, answer: str, *more: str) -> Entry:
    """Something to do: the usual ways to ask how."""
    usual = (
        f"How do I {action}?",
        f"How can I {action}?",
        f"how to {action}",
        f"I want to {action}.",
        f"Show me how to {action}.",
        f"How does one {action}?",
        f"What must I do to {action}?",
        f"Help me {action}.",
        f"Which command do I use to {action}?",
    )
    return Entry(action, answer, (*usual, *more, f"What are the steps to {action}?"))


TERMS = (
    term(
        "receipt",
        "A receipt is a signed record of one call: what was asked, what was answered, by which model and machine, for how much, and how that is known. Anyone can check it offline.",
        "What does a receipt tell me?",
        "What is in a receipt?",
        "Why do I get a receipt?",
    ),
    term(
        "till",
        "A till is a gateway's contract that takes in all payments. It has no owner and one exit, the UsageLedger, which divides the money.",
        "Where does my payment go?",
        "Who holds my money?",
    ),
    term(
        "order",
        "An order is signed by the gateway before a call runs: it fixes the model, the node, the price and the limits. The node's receipt signs the order's digest.",
        "Who signs an order?",
        article="an",
    ),
    term(
        "release",
        "A release is one fixed version of a model: its files, price, licence and parents. It never changes, and its id is a hash.",
        "Can a release change?",
        "What is in a release?",
    ),
    term(
        "royalty",
        "A royalty is the share of a payment that goes to the releases a model was made from. Each parent's share is fixed when the child is published.",
        "How do royalties work?",
        "What are royalties?",
        "Who gets royalties?",
    ),
    term(
        "bond",
        "A bond is OPG that an operator locks up to offer a node or a gateway. A proven fault takes part of it.",
        "Why do nodes have a bond?",
        "What is the bond for?",
    ),
    term(
        "evidence",
        "Evidence says how an answer is known. The kinds are routed, signed, attested, audited, replayed and proved, and the verifier computes which ones hold.",
        "What kinds of evidence are there?",
        "Which evidence kinds exist?",
        "What is an evidence kind?",
        "List the kinds of evidence.",
        article="",
    ),
    term(
        "routed",
        "Routed means that a known node says an outside provider answered. Which model ran is not known.",
        "What does the routed evidence tell?",
        article="",
    ),
    term("signed", "Signed means that a bonded node says its own engine ran this release.", "What does the signed evidence tell?", article=""),
    term(
        "attested",
        "Attested means that measured code ran in protected hardware, and its key lives inside.",
        "What does the attested evidence tell?",
        article="",
    ),
    term(
        "audited", "Audited means that independent nodes scored the answer again with the claimed weights.", "What does the audited evidence tell?", article=""
    ),
    term("replayed", "Replayed means that independent nodes ran the call again and got the same bits.", "What does the replayed evidence tell?", article=""),
    term("proved", "Proved means that a zero-knowledge proof shows the model was run correctly.", "What does the proved evidence tell?", article=""),
    term(
        "gateway",
        "A gateway is the paid front door: it quotes a price, takes the payment, signs the order, and anchors the receipts.",
        "What does the gateway do?",
    ),
    term("node", "A node is a machine with a bond that runs models and signs receipts for its answers.", "What does a node do?"),
    term(
        "hub", "A hub finds models: it indexes the chain and the storage and shows usage and earnings. It can be rebuilt at any time.", "What does the hub do?"
    ),
    term(
        "ledger", "The ledger records who owns what, who is owed what, and what was proved. It is an EVM chain with the OPG token.", "What does the ledger do?"
    ),
    term(
        "storage",
        "Storage keeps the files of models as blobs. A blob is named by its hash, so its name proves what is inside.",
        "Where are model files kept?",
        "What is a blob?",
        article="",
    ),
    term(
        "channel",
        "A channel is a prepaid deposit for calls. One signature opens it, then each call is one more signature, without gas.",
        "Why do I need a channel?",
    ),
    term("voucher", "A voucher is the payer's signature for the total spent in a channel so far. Each call raises it by the price.", "What does a voucher do?"),
    term(
        "OPG",
        "OPG is the network's token: it pays for calls and for gas. It is also an ERC-20 token with the same balance.",
        "Which coin does the network use?",
        "What is the OPG token?",
        article="",
    ),
    term("batch", "A batch is a group of calls that a gateway anchors in the ledger together, within about ten seconds.", "What is in a batch?"),
    term(
        "anchoring",
        "Anchoring writes a batch of calls into the ledger: owners are paid, and the receipts can be proved.",
        "When is my receipt anchored?",
        "What does anchored mean?",
        article="",
    ),
    term("checkpoint", "A checkpoint says who you believe orders blocks. With it and a receipt file you can verify offline.", "What is the checkpoint for?"),
    term("namespace", "A namespace is the first part of a model's name, as in base/digits. Whoever claims it first owns it.", "Who owns a namespace?"),
    term(
        "lineage",
        "Lineage is a model's family tree: the releases it was made from, each with its share of the income.",
        "What are parents of a model?",
        article="",
    ),
    term("licence", "A licence says what others may do with a model. The owner names it in the release.", "What is a model licence?"),
    term("manifest", "A manifest lists the files of a release with their hashes. Its digest stands in the release.", "What is in a manifest?"),
    term("quote", "A quote is an itemised price: owner, node fee and gateway fee. It holds for five minutes.", "How long is a quote valid?"),
    term(
        "bit-exact mode",
        "In the bit-exact mode one pinned engine gives the same bits on every machine, so anyone can run the call again and compare.",
        "Why is there a bit-exact mode?",
        article="the",
    ),
    term("fast mode", "In the fast mode a native engine answers quickly. The last bits may differ between machines.", article="the"),
    term("sequencer", "The sequencer orders the blocks of a local network. It is one operator, and receipts say so.", "Who orders blocks?", article="the"),
    term(
        "x402",
        "x402 is a way to pay for an HTTP request: the server answers 402 with its terms, and the client sends a signed payment.",
        "What does 402 mean?",
        article="",
    ),
    term(
        "API key",
        "An API key lets a program ask models with a budget that your channel backs. You can limit and revoke it.",
        "What is a key budget?",
        article="an",
    ),
    term("protocol fee", "The protocol fee is one per cent of a charge. It comes out of the gateway's part.", "How much is the protocol fee?", article="the"),
    term(
        "GGUF",
        "GGUF is a file format for language models. You can publish any GGUF model with model publish.",
        "Which language models can I publish?",
        article="",
    ),
    term("ONNX", "ONNX is a file format for models such as classifiers. You can publish any ONNX model with model publish.", article=""),
    term("faucet", "The faucet gives free OPG on development networks, 100 by default.", "Where do I get test coins?", article="the"),
    term("wallet", "A wallet holds your key, encrypted with your passphrase. With it you own models and pay for calls.", "Where is my key kept?"),
    term(
        "Freehold",
        "Freehold is a network on which AI models and the machines that run them are property: every call is paid and divided, and every answer has a receipt.",
        "What is this network?",
        "What is this?",
        "What is this program for?",
        "Tell me about this network.",
        article="",
    ),
)

WAYS = (
    way(
        "publish a model",
        "Run: freehold model publish FILE --name NAMESPACE/NAME --price OPG. The namespace is claimed if it is free.",
        "How do I publish my own model?",
        "How do I sell a model?",
        "I have an ONNX file, how do I publish it?",
    ),
    way(
        "ask a model",
        "Run: freehold infer MODEL --input FILE.json. The first call opens a channel after one confirmation.",
        "How do I run a model?",
        "How do I use a model?",
    ),
    way(
        "verify a receipt",
        "Run: freehold receipt verify FILE --checkpoint CHECKPOINT. It needs only the file and works offline.",
        "How do I check a receipt?",
        "How can I check an answer?",
        "How do I know that an answer is genuine?",
    ),
    way(
        "claim my earnings",
        "Run: freehold earnings claim --account NAME. To see them first, run: freehold earnings show.",
        "How do I get my money?",
        "How do I get paid?",
        "How do I withdraw what I earned?",
    ),
    way(
        "see my earnings",
        "Run: freehold earnings show --account NAME. It lists what is claimable and the income by model.",
        "How much did I earn?",
        "How do I show earnings?",
    ),
    way("create a wallet", "Run: freehold wallet create NAME. The key is encrypted with your passphrase.", "How do I make a key?", "How do I get a wallet?"),
    way("get test coins", "Run: freehold faucet --account NAME. It gives 100 OPG on a development network.", "How do I get OPG?", "How do I fund my wallet?"),
    way(
        "start a network",
        "Run: npm start. A whole local network starts: ledger, storage, node, gateway and hub.",
        "How do I start Freehold?",
        "How do I run it?",
    ),
    way("change a price", "Run: freehold model price MODEL. A cut takes effect at once, a rise after one hour.", "When does a new price hold?"),
    way(
        "retire a model",
        "Run: freehold model retire MODEL. It is no longer served, and old receipts still verify.",
        "How do I withdraw a model?",
        "How do I stop selling a model?",
    ),
    way(
        "make an API key",
        "Run: freehold key create --budget OPG. It opens a channel by itself and prints the key.",
        "How do I get an API key?",
        "How do I use the OpenAI client?",
    ),
    way("revoke a key", "Run: freehold key revoke KEY. It holds at once.", "How do I stop an API key?"),
    way("transfer a model", "Run: freehold model transfer MODEL. The new owner also gets its future income.", "How do I sell or give away a model?"),
    way(
        "run a node",
        "Run: freehold node run inference, then freehold node register. A node needs a bond.",
        "How do I offer my machine?",
        "How do I join with a machine?",
    ),
    way("see the models", "Run: freehold model list. The page at the printed address shows them too.", "How do I list models?", "Which models are there?"),
)

FACTS = (
    Entry(
        "small model",
        "I am freehold/chat, a very small model that ships with Freehold. I know a little about this network and can use tools.",
        (
            "Who are you?",
            "What are you?",
            "who are you",
            "Introduce yourself.",
            "Are you a person?",
            "Are you ChatGPT?",
            "What is your name?",
            "What model are you?",
            "Tell me about yourself.",
            "Which model am I talking to?",
        ),
    ),
    Entry(
        "what I can do",
        "I can greet you, explain this network, and use the tools that I am given: search, sums and look-ups. For anything else add a larger model.",
        (
            "What can you do?",
            "How can you help me?",
            "Help",
            "help",
            "What do you know?",
            "What are you good at?",
            "What can I ask you?",
            "What can you help me with?",
        ),
    ),
    Entry(
        "owner of this model",
        "I am published as freehold/chat under Apache-2.0. Whoever asks me pays the owner of that release.",
        ("Who owns you?", "Who made you?", "Who are you owned by?", "Who is your owner?", "Under which licence are you?", "Who do you belong to?"),
    ),
    Entry(
        "need of an account",
        "No account is needed. A key is enough, and the program makes one for you.",
        ("Do I need an account?", "Must I register?", "Do I have to sign up?", "Is an account needed?", "Do I need to make an account?"),
    ),
    Entry(
        "larger models",
        "Yes. Publish any GGUF file with model publish, or connect a provider, and ask that model instead of me.",
        (
            "Can I use a larger model?",
            "Can I replace you?",
            "Can I add my own language model?",
            "Can I use a better model?",
            "Is there a bigger model?",
            "Could I use a bigger model instead?",
        ),
    ),
    Entry(
        "cheating gateway",
        "A gateway that cheats loses from its bond. It never holds an owner's money: that lies in the till.",
        (
            "What if the gateway cheats?",
            "Can a gateway steal my money?",
            "What happens when a gateway cheats?",
            "Can the gateway keep my payment?",
            "What happens if a gateway is dishonest?",
        ),
    ),
    Entry(
        "cheating node",
        "A node that signs a wrong answer can be shown wrong by running the call again in the bit-exact mode, and it loses from its bond.",
        ("What if a node cheats?", "Can a node lie?", "What happens when a node cheats?", "What if the answer is wrong?", "What happens if a node lies to me?"),
    ),
    Entry(
        "altered receipt",
        "A changed receipt does not verify: every field is checked, and receipt verify exits with 1.",
        (
            "Can a receipt be forged?",
            "Can someone change a receipt?",
            "What if I change a receipt?",
            "Is it possible to fake a receipt?",
            "Could anyone alter a receipt?",
        ),
    ),
    Entry(
        "split of a payment",
        "The owner gets the price, less royalties to the parents; the node and the gateway get their fees. The contract computes it.",
        ("How is a payment split?", "Who gets the money of a call?", "How is my payment divided?", "Who is paid when I ask?", "How is the money divided?"),
    ),
    Entry(
        "privacy",
        "Payers are private: a receipt shows only a salted hash of the payer. Totals of channels are public.",
        ("Is my payment private?", "Can others see what I asked?", "Who sees my prompts?", "Is it private?", "How private are my calls?"),
    ),
    Entry(
        "offline",
        "Yes. I run on your own machine, and a local network needs no internet.",
        (
            "Do you work offline?",
            "Can I run without internet?",
            "Do you need the internet?",
            "Does it work without a connection?",
            "Can you work without the internet?",
        ),
    ),
    Entry(
        "needs",
        "Freehold needs Node 20.19 or newer and nothing else.",
        (
            "What does Freehold need?",
            "What do I have to install?",
            "Which Node version is needed?",
            "What are the requirements?",
            "What do I need to run Freehold?",
        ),
    ),
)

ENTRIES = (*TERMS, *WAYS, *FACTS)
