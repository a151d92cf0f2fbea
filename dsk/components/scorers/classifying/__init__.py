"""What `reward_model` is made of: the head's labels, the model's files, the texts it reads, the open model."""
