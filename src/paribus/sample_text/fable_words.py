"""The words and sentences of the fables. A change here changes every hash of a generated text.

Slots, the same throughout a story: hero, a_kind, kind, home, food, he, He, his, other, other_kind,
thing, colour, container, place, season, weather, and hidden for where the thing is. Drawn again for
each sentence: number, helper, tree, gift, sight, mood.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Friend:
    """One who appears in many stories, always with the same home and favourite food."""

    name: str
    kind: str
    home: str
    food: str
    pronoun: str
    possessive: str


FRIENDS = (
    Friend("Mira", "mouse", "under the mill", "barley bread", "she", "her"),
    Friend("Otto", "owl", "in the bell tower", "roasted chestnuts", "he", "his"),
    Friend("Pip", "rabbit", "behind the bakery", "carrot soup", "he", "his"),
    Friend("Luna", "cat", "on a red boat", "smoked fish", "she", "her"),
    Friend("Bruno", "bear", "in a cave by the river", "wild honey", "he", "his"),
    Friend("Greta", "goose", "beside the pond", "corn cakes", "she", "her"),
    Friend("Felix", "fox", "at the edge of the forest", "plum jam", "he", "his"),
    Friend("Ida", "hedgehog", "below the apple tree", "baked apples", "she", "her"),
    Friend("Tomas", "turtle", "near the stone bridge", "green salad", "he", "his"),
    Friend("Wren", "sparrow", "in the roof of the school", "sunflower seeds", "she", "her"),
    Friend("Hugo", "badger", "under the old oak", "mushroom pie", "he", "his"),
    Friend("Nell", "goat", "on the high meadow", "sweet clover", "she", "her"),
    Friend("Sami", "squirrel", "in a hollow pine", "walnut cookies", "he", "his"),
    Friend("Vera", "crow", "on top of the chimney", "cold potatoes", "she", "her"),
    Friend("Jonas", "dog", "in front of the smithy", "warm broth", "he", "his"),
    Friend("Petra", "frog", "among the water lilies", "cucumber rolls", "she", "her"),
    Friend("Anton", "mole", "beneath the rose garden", "beet stew", "he", "his"),
    Friend("Rosa", "hen", "next to the post office", "oat porridge", "she", "her"),
    Friend("Emil", "otter", "at the bend of the stream", "river cress", "he", "his"),
    Friend("Clara", "deer", "in the birch grove", "red berries", "she", "her"),
)

THINGS = (
    "silver key", "wooden flute", "letter", "brass bell", "map", "music box", "round stone",
    "little lantern", "ribbon", "glass marble", "worn coin", "needle", "paper kite", "compass",
    "feather", "whistle", "picture book", "golden button", "ball of yarn", "seed of a pear tree",
    "spoon", "toy ship", "pocket watch", "painted egg",
)  # fmt: skip

COLOURS = (
    "red", "blue", "green", "yellow", "white", "black", "brown", "grey", "purple", "orange", "pink",
    "silver",
)  # fmt: skip

CONTAINERS = (
    "box", "jar", "basket", "boot", "teapot", "drawer", "bucket", "hat", "barrel", "pillow",
    "suitcase", "cupboard", "flowerpot", "sack", "mailbox", "wheelbarrow",
)  # fmt: skip

PLACES = (
    "the market", "the lake", "the windmill", "the hill", "the harbour", "the village square",
    "the library", "the orchard", "the snowy field", "the ferry", "the railway station",
    "the vegetable garden", "the lighthouse", "the long wall", "the sunny clearing", "the fair",
)  # fmt: skip

SEASONS = ("spring", "summer", "autumn", "winter")

WEATHERS = (
    "the sun was shining", "it rained softly", "a cold wind blew", "fog lay over the fields",
    "snow was falling", "the sky was full of stars", "thunder rolled far away",
    "the air smelled of hay", "a rainbow stood over the hills", "the first leaves were falling",
)  # fmt: skip

NUMBERS = ("two", "three", "four", "five", "six", "eight", "nine", "ten", "twelve", "twenty")

HELPERS = (
    "the miller", "a tired postman", "the baker's son", "an old sailor", "a travelling singer",
    "the shepherd", "a very small elephant", "the lamplighter", "a polite thief", "the gardener",
    "two quarrelling geese", "the clockmaker", "a lost donkey", "the teacher", "a friendly ghost",
)  # fmt: skip

TREES = ("willow", "cherry tree", "fir", "beech", "lime tree", "elm", "hazel bush", "maple")

GIFTS = (
    "a slice of cake", "a pair of gloves", "a bunch of tulips", "an umbrella", "a bag of flour",
    "a warm blanket", "some blue paint", "a loaf of rye bread", "a broken mirror", "fresh milk",
    "a straw hat", "a jug of cider", "a handful of nails", "the longest rope", "a white shawl",
)  # fmt: skip

SIGHTS = (
    "a hidden staircase", "the deepest well", "a field of poppies", "a tower without a door",
    "the footprints of a wolf", "an island with one tree", "a lamp that never went out",
    "a garden full of bees", "the place where the river begins", "a house made of books",
    "an empty throne", "a frozen waterfall", "a door in the hillside", "the king's lost horse",
)  # fmt: skip

MOODS = (
    "cheerful", "worried", "hungry", "proud", "sleepy", "curious", "a little jealous", "brave",
    "ashamed", "very quiet", "thankful", "cross",
)  # fmt: skip

OPENINGS = (
    "Once there was {a_kind} called {hero}.",
    "This is the story of {hero} the {kind}.",
    "One {season} morning, {weather}, and {hero} the {kind} woke up early.",
    "Long ago, when {weather}, {a_kind} named {hero} had an idea.",
    "Everyone in the valley knew {hero} the {kind}.",
    "It was {season}, and {hero} the {kind} could not sleep.",
    "On the first day of {season}, {hero} the {kind} counted the clouds.",
    "Nobody laughed as loudly as {hero} the {kind}.",
)

HIDINGS = (
    "Before going out, {he} hid {his} {thing} in {hidden}.",
    "{He} had a {thing}, and {he} kept it in {hidden}.",
    "The dearest thing {he} owned was a {thing}, which lay in {hidden}.",
    "That day {he} found a {thing} and put it into {hidden}.",
    "{He} wrapped {his} {thing} in a cloth and laid it in {hidden}.",
    "So that no one would take the {thing}, {he} placed it in {hidden}.",
)

MEETINGS = (
    "On the way to {place}, {hero} met {other} the {other_kind}.",
    "Then {other} the {other_kind} knocked at the door and asked {hero} to come to {place}.",
    "Near {place}, {other} the {other_kind} was sitting on a bench and looked sad.",
    '"Good morning," called {other} the {other_kind} from {place}. "Will you walk with me?"',
    "At {place}, {hero} saw {other} the {other_kind} carrying a heavy load.",
    "{hero} went to {place}, where {other} the {other_kind} was already waiting.",
    "A message came from {other} the {other_kind}: there was trouble at {place}.",
    "Not far from {place}, {other} the {other_kind} had lost the way.",
)

EVENTS = (
    "They crossed the stream on slippery stones, one after the other.",
    "{other} told a joke about a cabbage, and they both laughed until they had to sit down.",
    "Soon {weather}, so they waited below a wide tree and shared a piece of cheese.",
    '"Are you afraid?" asked {other}. "A little," said {hero}, "but I will go on."',
    "A cart had lost a wheel, and together they lifted it out of the mud.",
    "{hero} climbed up to look around and saw smoke behind {place}.",
    "They counted seven white sheep, and then they counted them again.",
    "An old farmer gave them two pears because they had closed his gate.",
    "{other} stumbled and hurt a knee, and {hero} made a bandage out of a leaf.",
    "For a while they argued about the shortest way, and then they took the longest one.",
    "They sang a song that neither of them knew very well.",
    "A small bird had fallen out of its nest, and {hero} carried it back.",
    '"What would you wish for?" asked {hero}. {other} thought about it for a long time.',
    "At noon they rested, and {other} drew a picture of {place} in the sand.",
    "Somebody had broken a window, and at first everyone blamed {other}.",
    "{hero} told the truth, even though it was not easy.",
    "They helped to bring in the wood before the evening came.",
    "In the distance they heard music, and they followed it as far as {place}.",
    "{other} had forgotten to eat breakfast, so {hero} gave away the bigger half.",
    "They built a bridge out of three planks and a rope, and it held.",
    "When it grew dark, they lit a candle and told each other about the sea.",
    "A proud rooster said that they would never manage it, but they did.",
    "{hero} waited patiently until the storm was over.",
    "They mended the fence, painted the door and fed the ducks.",
    "By the {tree} they met {helper}, who showed them {sight}.",
    "{other} wanted to pay with {gift}, but {helper} would not take it.",
    "They walked past {number} houses, and in front of the last one sat {helper}.",
    '"Have you seen {sight}?" asked {helper}. "No," said {hero}, "but we can look for it."',
    "{hero} felt {mood} and sat down below the {tree}.",
    "It took them {number} hours to reach {sight}, and {other} was {mood}.",
    "Without being asked, {helper} gave them {gift} for the journey.",
    "Behind the {tree} they discovered {sight}, and nobody said a word.",
    "{other} traded {gift} for {number} candles.",
    '"I am {mood}," said {other}, and {hero} answered, "Then let us find {gift}."',
    "They promised {helper} to come back within {number} days.",
    "The wind carried {gift} up into the {tree}, and {hero} had to climb {number} branches.",
)

RECALLS = (
    "In the evening {hero} wanted to see the {thing} again. It was still in {hidden}.",
    '"And where is your {thing}?" asked {other}. "It is in {hidden}," said {hero}.',
    "Back at home, {hero} looked for the {thing} and found it in {hidden}.",
    "Later {other} asked to see the {thing}, and {hero} took it out of {hidden}.",
    "That night {hero} remembered the {thing}, went to look, and there it was in {hidden}.",
    "{hero} decided to give the {thing} to {other} and fetched it from {hidden}.",
)

ENDINGS = (
    "Then {hero} ate what {he} liked best, which was {food}.",
    "For supper there was {food}, because {hero} loved nothing more than {food}.",
    '"Let us celebrate," said {hero}, and put {food} on the table.',
    "To say thank you, {other} brought {hero} a big plate of {food}.",
    "And of course {hero} finished the day with {food}.",
)

PARTINGS = (
    "They said good night and promised to meet again.",
    "Outside {weather}, and inside it was warm.",
    "{other} waved for a long time before turning round the corner.",
    "{hero} slept well and dreamed of {place}.",
    "From that day on they were the best of friends.",
    "The next morning they laughed about it all.",
)

MORALS = (
    "A small kindness is never too small.",
    "Two walk further than one.",
    "Who shares a little has enough.",
    "It is better to ask twice than to go astray once.",
    "A promise is only worth as much as the one who keeps it.",
    "Patience opens more doors than a hammer.",
    "The truth is a good pillow.",
    "Whoever helps others is seldom alone.",
    "Even a long road begins at the door.",
    "He who hurries must often go twice.",
    "What is loved does not get lost.",
    "Good friends are found on bad roads.",
)
