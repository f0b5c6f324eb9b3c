// Logs in with the Go API client to the mount aws and prints the answer of the server as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/aws"
)

func login() error {
	client, err := api.NewClient(api.DefaultConfig())
	if err != nil {
		return err
	}
	options := []aws.LoginOption{aws.WithIAMAuth(), aws.WithRegion(os.Getenv("AWS_DEFAULT_REGION"))}
	if role := os.Getenv("LOGIN_ROLE"); role != "" {
		options = append(options, aws.WithRole(role))
	}
	if id := os.Getenv("LOGIN_SERVER_ID"); id != "" {
		options = append(options, aws.WithIAMServerIDHeader(id))
	}
	method, err := aws.NewAWSAuth(options...)
	if err != nil {
		return err
	}
	secret, err := client.Auth().Login(context.Background(), method)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(secret)
}

func main() {
	if err := login(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
