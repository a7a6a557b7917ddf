package main

import (
	"os"
	"path/filepath"
)

// imageMissing plays the kubelet whose registry doesn't have the image: pods with an image whose tag is "missing" stay Pending
// with ImagePullBackOff, as on a real node. It has a weight and KWOK's own stages have none, so it wins where both match.
const imageMissing = `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: pod-image-missing
spec:
  resourceRef:
    apiGroup: v1
    kind: Pod
  selector:
    matchExpressions:
    - key: '.metadata.deletionTimestamp'
      operator: 'DoesNotExist'
    - key: '.spec.containers.[] | select( .image | endswith(":missing") ) | .image'
      operator: 'Exists'
  weight: 1
  next:
    statusTemplate: |
      phase: Pending
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        imageID: ""
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        state:
          waiting:
            reason: ImagePullBackOff
            message: {{ printf "Back-off pulling image %s" .image | Quote }}
      {{ end }}
`

// writeOwnStages puts our stages into the cluster's directory and returns their files.
func writeOwnStages(dir string) ([]string, error) {
	file := filepath.Join(dir, "stage-image-missing.yaml")
	return []string{file}, os.WriteFile(file, []byte(imageMissing), 0o600)
}
