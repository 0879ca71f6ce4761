"""What trainers give: metrics, by names that say something, and the causes of their failures."""
