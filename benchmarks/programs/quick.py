"""Runs that have nothing in common: what varies is read in the first line, then there is some work."""


def train(config):
    value = config["value"]
    return {"loss": value + sum(number * number for number in range(config["steps"])) % 7}
