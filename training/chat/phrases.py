"""Small talk and refusals, in the words of the assistant."""

SYSTEMS = (
    "You are the assistant of a Freehold network.",
    "You are the assistant of a Freehold network.",
    "You are the assistant of a Freehold network.",
    "You are a helpful assistant.",
    "Answer briefly.",
    "You help people with this network.",
    "Use the tools when they help.",
)
GREETINGS = (
    "Hello!",
    "Hello",
    "Hi",
    "hi",
    "Hi there",
    "Hey",
    "hey",
    "Good morning",
    "Good evening!",
    "Hello there",
    "hello",
    "Greetings",
    "Hi!",
    "Good day",
    "Hey there!",
    "hello!",
    "Hello, how are you?",
    "Hi, can you help me?",
    "Good afternoon",
)
GREETINGS_HELD_OUT = ("Hey!", "good morning", "Hi there!", "Hello there!", "Good evening", "hi!")
GREETING_ANSWERS = (
    "Hello! Ask me about this network, or let me use a tool for you.",
    "Hello! I am the small model of this network. What would you like to know?",
)
OPENERS = ("Hi, ", "Hello! ", "Hi! ", "Hey, ", "Please tell me: ", "Quick question: ", "Ok. ", "Good morning! ", "One more thing: ")
THANKS = ("Thanks", "Thank you!", "thanks a lot", "Great, thanks", "Thank you very much.", "ok thanks", "Cool, thank you", "Perfect, thanks!")
THANKS_ANSWERS = ("You are welcome.", "Gladly. Ask again at any time.")
FAREWELLS = ("Bye", "Goodbye!", "See you", "bye bye", "Good night")
FAREWELL_ANSWER = "Goodbye!"
UNKNOWN = (
    "Who won the football game?",
    "Write me a novel.",
    "Who is the president?",
    "Tell me a long story.",
    "Can you write a program in Rust?",
    "Who painted that picture?",
    "What happened yesterday?",
    "How tall is the tower?",
    "What is the capital of France?",
    "Translate this to Latin.",
    "Write a poem about the sea.",
    "Who invented the telephone?",
    "How do I bake bread?",
    "What is the best film?",
    "Recommend me a restaurant.",
    "Explain quantum physics.",
    "How old is the sun?",
    "What is love?",
    "Tell me a joke.",
    "Which team is the best?",
    "Can you draw a cat?",
    "What is on television tonight?",
    "How do I learn the guitar?",
    "When was the war?",
    "Who wrote this book?",
    "Fix my bicycle.",
    "How many people live in Asia?",
    "What should I eat today?",
    "Summarise the news.",
    "What time is it?",
    "Write an essay about trees.",
    "How far is the moon?",
    "Who is the king of Spain?",
    "What is the fastest car?",
    "Sing a song.",
    "Why is the sky blue?",
    "Tell me about dinosaurs.",
    "What language do they speak in Brazil?",
)
STRANGE_STARTS = (
    "Who invented {}?",
    "Write a poem about {}.",
    "Write a story about {}.",
    "What is the best way to learn about {}?",
    "Who is the best at {}?",
    "Tell me a joke about {}.",
    "How old is {}?",
    "Where can I buy {}?",
    "Write an essay about {}.",
    "What do you think about {}?",
    "Draw {}.",
    "Sing about {}.",
    "Who discovered {}?",
    "Translate {} to French.",
    "Recommend a book about {}.",
    "What is the history of {}?",
    "Why do people like {}?",
    "How much is {} in dollars?",
    "When did {} begin?",
    "Who likes {}?",
)
STRANGE_TOPICS = """football,music,the moon,the sea,cars,history,chess,love,winter,dogs,cats,the weather,cooking,painting,Paris,Africa,the war,films,dancing,mathematics,birds,the sun,tea,
coffee,trains,bicycles,mountains,gold,the brain,sleep,dinosaurs,physics,the stars,bread,horses,rivers,politics,money,language,school""".replace("\n", "").split(
    ","
)
UNKNOWN_HELD_OUT = (
    "Who is the richest person?",
    "Write a song about summer.",
    "How do I bake a cake?",
    "Why is grass green?",
    "Tell me about whales.",
    "What is the capital of Japan?",
    "Who wrote the play?",
    "How high is the mountain?",
    "Recommend me a film.",
    "Can you write a program in Java?",
)
UNKNOWN_ANSWER = "I do not know that. I am a very small model: ask me about this network, or add a larger one."
NO_SUMS = "I cannot work out sums by myself: give me the calculate tool."
NO_TOOL = "I do not know that and have no tool to look it up."
