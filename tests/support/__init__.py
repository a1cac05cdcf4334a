"""What tests share: real servers, a network that can be broken, a gateway that answers as told."""
