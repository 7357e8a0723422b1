"""New images, without labels, through a run's model: probabilities, decisions, what they are worth."""
